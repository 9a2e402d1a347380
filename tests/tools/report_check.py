#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# report_check.py - what "mallochooks report --json" says, held against itself,
# or against the files as another reader has them
#
#	report_check.py sums	<JSON	rows add up to the totals; prints
#					"processes allocations bytes frees failed"
#	report_check.py rows	<JSON	"module address op calls bytes" of each row and
#					operation, as sites.py places prints files
#	report_check.py field PATH <JSON	a value: processes.0.state

import json
import sys

OPS = ("malloc", "calloc", "realloc", "memalign")


def fail(what):
    print(what)
    sys.exit(1)


def checked(counts, what):
    births = sum(counts[op] for op in OPS)
    if births != counts["allocations"] or births != sum(counts["sizes"]):
        fail("%s: %d allocations, by operation %d, by size %d" % (
            what, counts["allocations"], births, sum(counts["sizes"])))
    return [counts["allocations"], counts["bytes"], counts["free"],
            counts["failed"], *counts["sizes"]]


def added(vectors):
    return [sum(numbers) for numbers in zip(*vectors)] or [0] * 16


def check_sums(report):
    for table in report["tables"]:
        total = checked(table["total"], "total")
        rows = added(checked(row, row["module"]) for row in table["rows"])
        if report["by"] == "address" and len(table["rows"]) != table["nr_rows"]:
            fail("%d rows of %d" % (len(table["rows"]), table["nr_rows"]))
        lost = table["lost"]
        for place, name in enumerate(("allocations", "bytes", "free", "failed")):
            if rows[place] + lost[name] != total[place]:
                fail("%s: total %d, rows %d, lost %d" % (
                    name, total[place], rows[place], lost[name]))
    of_tables = added(checked(t["total"], "table") for t in report["tables"])
    for name in sorted({p["ident"] for p in report["processes"]}):
        some = added(checked(t["total"], "table") for t in report["tables"]
                     if t["ident"] == name)
        others = added(checked(p["total"], p["command"])
                       for p in report["processes"] if p["ident"] == name)
        if some != others:
            fail("%s: tables %s, processes %s" % (name, some, others))
    print(len(report["processes"]), *of_tables[:4])


def print_rows(report):
    lines = []
    for table in report["tables"]:
        for row in table["rows"]:
            for op in OPS + ("free", "failed"):
                if not row[op]:
                    continue
                lines.append("%s %s %s %d" % (row["module"] or "-",
                                              row["address"], op, row[op]))
    print("\n".join(sorted(lines)))


def main():
    report = json.load(sys.stdin)
    if report["format"] != "mallochooks-report" or report["version"] != 1:
        fail("another format")
    if sys.argv[1] == "sums":
        check_sums(report)
    elif sys.argv[1] == "rows":
        print_rows(report)
    else:
        for word in sys.argv[2].split("."):
            report = report[int(word) if word.isdigit() else word]
        print(report)


if __name__ == "__main__":
    main()

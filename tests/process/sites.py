#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# sites.py - what files of the sites layer say, read by the description of the
# format alone: a second reader beside that of the tool
#
#	sites.py process FILE...	"pid calls bytes frees failed" of each file
#	sites.py sum FILE...		the same of all together, without the pid
#	sites.py keys FILE...		"address op calls bytes buckets" of each site and
#					operation of all files, sorted; addresses of
#					sites that live are those in memory
#	sites.py places FILE...		"build-id path address op calls bytes": in
#					the module's file; "- - address" without one
#	sites.py field NAME FILE...	that number of each header

import struct
import sys

PAGE = 4096
HEADER = [("magic", "Q"), ("version", "I"), ("page_bytes", "I"),
          ("record_bytes", "I"), ("nr_buckets", "I"), ("file_bytes", "Q"),
          ("pages_limit", "I"), ("pages_used", "I"), ("pid", "I"),
          ("ppid", "I"), ("start_ns", "Q"), ("machine", "I"), ("state", "I"),
          ("generation", "I"), ("nr_modules", "I"), ("shards", "I"),
          ("command_bytes", "I"), ("lost_calls", "Q"), ("lost_bytes", "Q"),
          ("lost_frees", "Q"), ("lost_failed", "Q")]
OPS = {1: "malloc", 2: "free", 3: "calloc", 4: "realloc", 5: "memalign",
       6: "failed", 7: "free"}
BIRTHS = ("malloc", "calloc", "realloc", "memalign")


class Unfinished(Exception):
    """The process ended while it made the file."""


class File:
    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read(PAGE)
            if not data.strip(b"\0"):
                raise Unfinished(path)
            if len(data) < PAGE:
                raise ValueError(path + ": no whole header")
            names = [name for name, _ in HEADER]
            kinds = "=" + "".join(kind for _, kind in HEADER)
            self.head = dict(zip(names, struct.unpack_from(kinds, data)))
            if data[:8] != b"mhsites\0":
                raise ValueError(path + ": no magic")
            if not self.head["state"]:
                raise Unfinished(path)
            pages = min(self.head["pages_used"], self.head["pages_limit"])
            data += file.read((pages - 1) * PAGE)
        self.modules = []
        self.keys = {}
        for page in range(1, len(data) // PAGE):
            at = page * PAGE
            kind, _, used = struct.unpack_from("=III", data, at)
            if kind == 1:
                assert used <= 63, "a page of %d records" % used
                for nr in range(used):
                    self.record(data, at + 64 + 64 * nr)
            elif kind == 2:
                self.module(data, at + 64, at + 64 + used)

    def record(self, data, at):
        key, size, *buckets = struct.unpack_from("=QQ12I", data, at)
        if not key:
            return
        old = self.keys.setdefault(key, [0, [0] * 12])
        old[0] += size
        old[1] = [a + b for a, b in zip(old[1], buckets)]

    def module(self, data, at, end):
        while at < end:
            (size, number, start, stop, bias, _, died, id_bytes, path_bytes,
             _) = struct.unpack_from("=IIQQQIIHHI", data, at)
            text = data[at + 48:at + size]
            self.modules.append((number, start, stop, bias, died,
                                 text[:id_bytes].hex() or "-",
                                 text[id_bytes:id_bytes + path_bytes].decode()))
            at += size

    def sites(self):
        """address, retired, op, calls, bytes, buckets; lost ones are not here"""
        for key, (size, buckets) in self.keys.items():
            op = key >> 60
            yield (key & (1 << 60) - 1, op >= 8, OPS[op & 7], sum(buckets),
                   size, buckets)

    def place(self, address, retired):
        for number, start, stop, bias, died, build_id, path in self.modules:
            if retired and number == address >> 44:
                return (build_id, path,
                        (address & (1 << 44) - 1) + start - bias)
            if not retired and not died and start <= address - 1 < stop:
                return build_id, path, address - bias
        return "-", "-", address

    def sums(self):
        calls, size = self.head["lost_calls"], self.head["lost_bytes"]
        frees, failed = self.head["lost_frees"], self.head["lost_failed"]
        for _, _, op, nr, more, _ in self.sites():
            if op in BIRTHS:
                calls += nr
                size += more
            elif op == "free":
                frees += nr
            else:
                failed += nr
        return calls, size, frees, failed


def added(table, key, calls, size, buckets):
    old = table.setdefault(key, [0, 0, [0] * 12])
    old[0] += calls
    old[1] += size
    old[2] = [a + b for a, b in zip(old[2], buckets)]


def main():
    what, paths = sys.argv[1], sys.argv[2:]
    name = paths.pop(0) if what == "field" else None
    files = [File(path) for path in paths]
    table = {}
    for file in files:
        if what == "process":
            print(file.head["pid"], *file.sums())
        elif what == "field":
            print(file.head[name])
        elif what == "keys":
            for address, retired, op, calls, size, buckets in file.sites():
                key = ("retired " if retired else "") + "%#x" % address, op
                added(table, key, calls, size, buckets)
        elif what == "places":
            for address, retired, op, calls, size, buckets in file.sites():
                build_id, path, at = file.place(address, retired)
                key = build_id, path, "%#x" % at, op
                added(table, key, calls, size, buckets)
    if what == "sum":
        print(*map(sum, zip(*(file.sums() for file in files))))
    for key in sorted(table):
        calls, size, buckets = table[key]
        print(*key, calls, size, *(buckets if what == "keys" else []))


if __name__ == "__main__":
    main()

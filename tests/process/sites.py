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
#	sites.py lives FILE...		of each place with chunks that lived: "build-id
#					path address", chunks and bytes that live,
#					frees at once, short and long, chunks and bytes
#					at the peak, inherited chunks and bytes
#	sites.py heap FILE...		the same of each whole file, without the place
#	sites.py unreached FILE...	of each place with lost chunks: "build-id path
#					address", chunks and bytes lost directly, and
#					indirectly
#	sites.py field NAME FILE...	that number or text of each header
#	sites.py show FILE...		all of each file, for people
#	sites.py check FILE...		nothing: the format's rules hold, or it fails
#
# A file that breaks a rule of the format is an error whatever is asked.

import struct
import sys

PAGE = 4096
ADDRESS = (1 << 60) - 1
OFFSET = (1 << 44) - 1
NOWHERE = 1 << 59
WORD = (1 << 64) - 1
MANY = 0xffff  # stands in a retired key for this number and all above
HEADER = [("magic", "Q"), ("version", "I"), ("page_bytes", "I"),
          ("record_bytes", "I"), ("nr_buckets", "I"), ("file_bytes", "Q"),
          ("pages_limit", "I"), ("pages_used", "I"), ("pid", "I"),
          ("ppid", "I"), ("start_ns", "Q"), ("machine", "I"), ("state", "I"),
          ("generation", "I"), ("nr_modules", "I"), ("shards", "I"),
          ("command_bytes", "I"), ("lost_calls", "Q"), ("lost_bytes", "Q"),
          ("lost_frees", "Q"), ("lost_failed", "Q")]
LIVES = [("peak", "I"), ("peak_percent", "I"), ("peak_chunks_0", "Q"),
         ("peak_bytes_0", "Q"), ("peak_chunks_1", "Q"), ("peak_bytes_1", "Q")]
LOST_LIFE = 280
REACH = 452  # told, threads, first page; what found no room: two pairs
REACHES = 6
ASKED, ASKED_END = 344, 496  # texts of options, resets, all that came later
NO_RECORD, NO_RECORD_END = 512, 640  # of no meaning
BOUNDS, TEXTS = 112, {"ident": 208, "exe": 1024, "cwd": 2048, "command": 3072}
OPS = {0: "life", 1: "malloc", 2: "free", 3: "calloc", 4: "realloc", 5: "memalign",
       6: "failed", 7: "free"}
BIRTHS = ("malloc", "calloc", "realloc", "memalign")


class Unfinished(Exception):
    """The process ended while it made the file."""


def rule(holds, what, *words):
    if not holds:
        raise ValueError(what % words)


class Module:
    """An entry of the file, as it stands at an offset of its bytes."""

    def __init__(self, data, at, end):
        rule(at + 48 <= end, "a module at %#x is cut off", at)
        (self.size, self.number, self.start, self.end, self.bias, self.born,
         self.died, id_bytes, path_bytes, self.flags) = struct.unpack_from(
             "=IIQQQIIHHI", data, at)
        rule(48 + id_bytes + path_bytes <= self.size <= end - at and
             not self.size % 8, "a module at %#x of %d bytes", at, self.size)
        text = data[at + 48:at + self.size]
        self.build_id = text[:id_bytes].hex() or "-"
        self.path = text[id_bytes:id_bytes + path_bytes].decode()
        rule(not any(text[id_bytes + path_bytes:]), "garbage behind %s",
             self.path)
        rule(self.start < self.end, "%s has no range", self.path)
        rule(not self.died or self.died > self.born, "%s died unborn",
             self.path)


class File:
    def __init__(self, path):
        try:
            self.read(path)
        except ValueError as error:
            raise ValueError("%s: %s" % (path, error)) from error

    def read(self, path):
        with open(path, "rb") as file:
            data = file.read(PAGE)
            if not data.strip(b"\0"):
                raise Unfinished(path)
            rule(len(data) == PAGE, "no whole header")
            names = [name for name, _ in HEADER]
            kinds = "=" + "".join(kind for _, kind in HEADER)
            self.head = dict(zip(names, struct.unpack_from(kinds, data)))
            if not self.head["state"]:
                raise Unfinished(path)
            rule(data[:8] == b"mhsites\0", "no magic")
            self.header(data)
            pages = min(self.head["pages_used"], self.head["pages_limit"])
            data += file.read((pages - 1) * PAGE)
            file.seek(0)  # a process that runs may have taken more
            self.shards = struct.unpack_from("=I", file.read(PAGE), 72)[0]
        self.modules = []
        self.keys = {}
        self.lives = {}
        self.alive = {}
        self.records = 0
        for page in range(1, len(data) // PAGE):
            at = page * PAGE
            kind, shard, used, base = struct.unpack_from("=IIII", data, at)
            rule(not base or kind == 1 and base < self.head["pages_used"],
                 "page %d: base %d", page, base)
            rule(kind <= (3 if self.head["version"] == 3 else 2),
                 "page %d of kind %d", page, kind)
            if kind == 1:
                rule(used <= 63, "page %d of %d records", page, used)
                rule(shard <= self.shards, "shard %d", shard)
                for nr in range(used):
                    self.record(data, at + 64 + 64 * nr)
            elif kind == 2:
                rule(used <= PAGE - 64, "page %d: %d bytes", page, used)
                self.module(data, at + 64, at + 64 + used)
            elif kind == 3:
                rule(used <= 63, "page %d of %d entries", page, used)
                for nr in range(used):
                    self.entry(data, at + 64 + 64 * nr)
        self.read_unreached(data)
        self.check_modules()

    def header(self, data):
        head = self.head
        rule(head["version"] in (1, 3), "version %d", head["version"])
        rule(head["page_bytes"] == PAGE and head["record_bytes"] == 64 and
             head["nr_buckets"] == 12, "other sizes than of version 1")
        rule(not any(data[ASKED_END:NO_RECORD]) and
             not any(data[NO_RECORD_END:1024]) and
             (head["version"] == 3 or
              not any(data[NO_RECORD:NO_RECORD_END] +
                      data[240:ASKED])),
             "garbage in the header")
        kinds = "=" + "".join(kind for _, kind in LIVES)
        head.update(zip((name for name, _ in LIVES),
                        struct.unpack_from(kinds, data, 240)))
        rule(head["peak"] <= 1 and head["peak_percent"] <= 100, "peak %d, %d %%",
             head["peak"], head["peak_percent"])
        head.update(zip(("reach", "reach_threads", "unreached_page"),
                        struct.unpack_from("=3I", data, REACH)))
        rule(head["reach"] < REACHES, "reach %d", head["reach"])
        key, *self.lost_life = struct.unpack_from("=8Q", data, LOST_LIFE)
        rule(not key, "a key of what was lost")
        rule(head["file_bytes"] == head["pages_limit"] * PAGE,
             "%d pages in %d bytes", head["pages_limit"], head["file_bytes"])
        rule(head["state"] <= 2 and head["pages_used"] >= 1 and
             head["generation"] >= 1 and head["command_bytes"] <= 1024,
             "a header that cannot be")
        self.bound = struct.unpack_from("=12Q", data, BOUNDS)
        rule(sorted(set(self.bound)) == list(self.bound) and
             self.bound[-1] == (1 << 64) - 1, "bounds of %s", self.bound)
        for name, at in TEXTS.items():
            text = data[at:at + 1024]
            if name == "command":
                text = text[:head["command_bytes"]].replace(b"\0", b" ")
            else:
                rule(b"\0" in text, "%s has no end", name)
            head[name] = text.split(b"\0")[0].decode(errors="replace").strip()

    def check_modules(self):
        """Numbers as they were found; those that live do not overlap."""
        numbers = [module.number for module in self.modules]
        rule(numbers == list(range(len(numbers))), "modules %s", numbers)
        rule(len(numbers) >= self.head["nr_modules"], "%d modules of %d",
             len(numbers), self.head["nr_modules"])
        live = sorted((m.start, m.end) for m in self.modules if not m.died)
        for before, after in zip(live, live[1:]):
            rule(before[1] <= after[0], "modules overlap at %#x", after[0])
        for key in list(self.keys) + list(self.lives) + list(self.alive):
            if key >> 63 and (key & ADDRESS) >> 44 != MANY:
                rule((key & ADDRESS) >> 44 in numbers,
                     "a record of module %d", (key & ADDRESS) >> 44)

    def record(self, data, at):
        key, size, *buckets = struct.unpack_from("=QQ12I", data, at)
        if not key:
            return
        self.records += 1
        if not key >> 60 & 7:
            rule(self.head["version"] == 3, "no operation: %#x", key)
            self.lives[key] = added_words(self.lives.get(key, [0] * 7),
                                          struct.unpack_from("=7Q", data, at + 8))
            return
        old = self.keys.setdefault(key, [0, [0] * 12])
        old[0] += size
        old[1] = [a + b for a, b in zip(old[1], buckets)]

    def entry(self, data, at):
        key, *numbers, reserved = struct.unpack_from("=8Q", data, at)
        if not key:
            return
        rule(not key >> 60 & 7 and not reserved, "an entry of %#x", key)
        self.alive[key] = added_words(self.alive.get(key, [0] * 6), numbers)

    def read_unreached(self, data):
        """By key of operation 0: chunks and bytes lost directly, indirectly."""
        self.unreached = {}
        page, seen = self.head["unreached_page"], set()
        rule(not page or self.head["reach"] <= 1, "reach %d with a page",
             self.head["reach"])
        while page:
            at = page * PAGE
            rule(page not in seen and at + PAGE <= len(data), "unreached page %d",
                 page)
            seen.add(page)
            kind, _, used, base, page = struct.unpack_from("=5I", data, at)
            rule(not kind and not base and 1 <= used <= 63,
                 "an unreached page of kind %d, %d entries", kind, used)
            for nr in range(used):
                key, *numbers = struct.unpack_from("=8Q", data, at + 64 + 64 * nr)
                rule(key and not key >> 60 & 7 and not any(numbers[4:]) and
                     numbers[0] + numbers[2], "an unreached entry of %#x", key)
                rule(key not in self.unreached, "%#x comes twice", key)
                self.unreached[key] = numbers[:4]

    def heaps(self):
        """By key of operation 0: the numbers of "lives"."""
        heaps = {}

        def heap(key):
            place = key & ADDRESS & (WORD if key >> 63 else ~NOWHERE)
            return heaps.setdefault((place, key >> 63), [0] * 9)

        for key, (size, buckets) in self.keys.items():
            if OPS[key >> 60 & 7] in BIRTHS and OPS[key >> 60 & 7] != "realloc":
                to = heap(key & ~(7 << 60))
                to[0] += sum(buckets)
                to[1] += size
        lives = dict(self.lives)
        lives[NOWHERE] = added_words(lives.get(NOWHERE, [0] * 7), self.lost_life)
        for key, (once, short, late, gone, grown, nr, made) in lives.items():
            to = heap(key)
            to[0] += nr - once - short - late
            to[1] += made + grown - gone
            to[2:5] = [a + b for a, b in zip(to[2:5], (once, short, late))]
        to = heap(NOWHERE)
        to[0] += self.head["lost_calls"]
        to[1] += self.head["lost_bytes"]
        for key, numbers in self.alive.items():
            to = heap(key)
            to[0] += numbers[0]
            to[1] += numbers[1]
            at = 2 + 2 * self.head["peak"]
            to[5:] = added_words(to[5:], numbers[at:at + 2] + numbers[:2])
        for numbers in heaps.values():
            numbers[:] = map(as_signed, numbers)
        return heaps

    def module(self, data, at, end):
        while at < end:
            self.modules.append(Module(data, at, end))
            at += self.modules[-1].size

    def sites(self):
        """address, retired, op, calls, bytes, buckets; lost ones are not here"""
        for key, (size, buckets) in self.keys.items():
            op = key >> 60
            yield (key & ADDRESS, op >= 8, OPS[op & 7], sum(buckets),
                   size, buckets)

    def place(self, address, retired, life=False):
        for module in self.modules:
            if retired and module.number == address >> 44 != MANY:
                return (module.build_id, module.path,
                        (address & OFFSET) + module.start - module.bias)
            if (not retired and not module.died and
                    module.start <= address - 1 < module.end):
                return module.build_id, module.path, address - module.bias
        if life:    # a chunk may outlive the module that made it
            for module in reversed(self.modules):
                if not retired and module.start <= address - 1 < module.end:
                    return module.build_id, module.path, address - module.bias
        return "-", "-", address

    def show(self, path):
        print(path)
        for name, value in self.head.items():
            print("\t%s: %s" % (name, value))
        for module in self.modules:
            print("\tmodule %d: %#x-%#x born %d died %d %s %s" % (
                module.number, module.start, module.end, module.born,
                module.died, module.build_id, module.path))
        for address, retired, op, calls, size, buckets in sorted(self.sites()):
            _, module, at = self.place(address, retired)
            print("\t%s %#x %s: %d calls, %d bytes," % (
                module, at, op, calls, size), *buckets)
        print("\t%d calls, %d bytes, %d frees, %d failed" % self.sums())

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


def added_words(a, b):
    return [(x + y) & WORD for x, y in zip(a, b)]


def as_signed(number):
    number &= WORD
    return number - (WORD + 1) if number >> 63 else number


def added(table, key, calls, size, buckets):
    old = table.setdefault(key, [0, 0, [0] * 12])
    old[0] += calls
    old[1] += size
    old[2] = [a + b for a, b in zip(old[2], buckets)]


def main():
    what, paths = sys.argv[1], sys.argv[2:]
    name = paths.pop(0) if what == "field" else None
    files = [File(path) for path in paths]
    table, heaps = {}, {}
    for file, path in zip(files, paths):
        if what == "process":
            print(file.head["pid"], *file.sums())
        elif what == "field":
            print(file.head[name])
        elif what == "show":
            file.show(path)
        elif what == "keys":
            for address, retired, op, calls, size, buckets in file.sites():
                key = ("retired " if retired else "") + "%#x" % address, op
                added(table, key, calls, size, buckets)
        elif what == "places":
            for address, retired, op, calls, size, buckets in file.sites():
                build_id, path, at = file.place(address, retired)
                key = build_id, path, "%#x" % at, op
                added(table, key, calls, size, buckets)
        elif what in ("lives", "heap"):
            for (address, retired), numbers in file.heaps().items():
                build_id, path, at = file.place(address, retired, True)
                key = ((file.head["pid"],) if what == "heap" else
                       (build_id, path, "%#x" % at))
                heaps.setdefault(key, [0] * 9)
                heaps[key] = [a + b for a, b in zip(heaps[key], numbers)]
        elif what == "unreached":
            for key, numbers in file.unreached.items():
                place = file.place(key & ADDRESS & ~NOWHERE, key >> 63, True)
                print(*place[:2], "%#x" % place[2], *numbers)
    for key in sorted(heaps):
        if what == "heap":
            print(*heaps[key])
        elif any(heaps[key]):
            print(*key, *heaps[key])
    if what == "sum":
        print(*map(sum, zip(*(file.sums() for file in files))))
    for key in sorted(table):
        calls, size, buckets = table[key]
        print(*key, calls, size, *(buckets if what == "keys" else []))


if __name__ == "__main__":
    main()

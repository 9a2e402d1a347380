# SPDX-License-Identifier: MIT
"""
mallochooks-gdb.py - "mallochooks query EXPRESSION" for gdb

    (gdb) source .../share/mallochooks/mallochooks-gdb.py
    (gdb) mallochooks query ptr->next

tells which chunk the address lies in, and what that lies in, of a process that runs or is stopped, and
of a core file.  Only memory is read; nothing is called.  The ways through the
table of the layer index are those of index/chunk.c, and its layout that of
Documentation/formats.rst.
"""
import re
import struct

import gdb

ABI = 1
LAYOUT = 6
MAGIC = struct.pack("<II", 0x6B686D31, ABI)
# Where the linkers put a constant that has pointers in it.
SECTIONS = (".data.rel.ro", ".data.rel.ro.local", ".rodata", ".data")
MOST = 256

# Of struct mallochooks_unit, _stack, _layer, _root
UNIT_STACKS = 24
STACK_IDENT = 8
STACK_LAYERS = 48
LAYER_ROOT = 104

TABLE_BYTES = 419200
FIRST_KINDS = 131072
ZONES = 147456
BEYOND = 409600
WIDE = 413696
HAS_MORE = 413864
KINDS = 413872
OUTER = 413896
DEPTH = 414032
MOVING = 414080
ALONE = 1 << 63
# Of what slots hold.
PENDING = (2, 3)
LISTED = range(4, 64)
OF_A_KIND = 64  # and above
LEAF_LINKS = 135456
LEAF_1K = 131360
LEAF_16K = 131104
LEAF_256K = 131072
ZONE_2M = 32768
ZONE_FAR = 49152


def read(address, form):
    """The numbers that lie at an address, or None."""
    try:
        data = gdb.selected_inferior().read_memory(address,
                                                   struct.calcsize("<" + form))
    except gdb.MemoryError:
        return None
    return struct.unpack("<" + form, bytes(data))


def read_one(address, form="Q"):
    numbers = read(address, form)
    return numbers[0] if numbers else 0


def read_string(address):
    try:
        text = gdb.Value(address).cast(gdb.lookup_type("char").pointer())
        return text.string(errors="replace")
    except gdb.error:
        return "?"


class Index:
    """The table of one layer index."""

    def __init__(self, ident, table):
        self.ident = ident
        self.table = table
        self.outer = None
        self.depth = read_one(table + DEPTH, "I")

    def zone(self, address):
        number = address >> 33 & 0x7FFF
        if not address >> 48:
            return read_one(self.table + ZONES + 8 * number)
        if address >> 57:
            return 0
        beyond = read_one(self.table + BEYOND + 8 * (address >> 48))
        return read_one(beyond + 8 * number) if beyond else 0

    def leaf(self, address):
        zone = self.zone(address)
        return read_one(zone + 8 * (address >> 21 & 0xFFF)) if zone else 0

    def kind(self, number, slack):
        """What a small chunk has in common with others."""
        table, kinds = 0, 2048
        while number >= kinds:
            number -= kinds
            kinds *= 8
            table += 1
        if table:
            where = read_one(self.table + KINDS + 8 * table)
            site, sizes = read(where + 16 * number, "QQ") or (0, 0)
            usable, more = sizes - 1 & 0xFFFFFFFF, sizes - 1 >> 32
        else:
            key = read_one(self.table + FIRST_KINDS + 8 * number)
            site, more = key & (1 << 48) - 1, key >> 58
            usable = (key >> 48 & 1023) * 8 - 8
        return {"requested": usable - 16 * more - slack, "usable": usable,
                "site": site, "tag": 0, "opened": 0} if site else None

    def wide(self, number, base):
        """A record of a chunk's own."""
        number += 64
        bit = number.bit_length() - 1
        block = read_one(self.table + WIDE + 8 * (bit - 6))
        found = block and read(block + 64 * (number - (1 << bit)), "QQQQQQQQ")
        if not found or found[4] != base or found[5] & 1:
            return None
        return {"requested": found[0], "usable": found[1], "site": found[2],
                "tag": found[3], "opened": found[7]}

    def listed(self, word, block):
        base = block + 8 * (word & 3)
        if word & 8:
            chunk = self.wide(word >> 8 & 0xFFFFFF, base)
        else:
            chunk = self.kind(word >> 5 & 0x7FFFF, word >> 24 & 15)
            if chunk and word >> 31:
                chunk["opened"] = ALONE
        if chunk:
            chunk.update(base=base, pending=word >> 4 & 1, ident=self.ident,
                         depth=self.depth)
        return chunk

    def slot(self, code, block):
        pending = code in PENDING
        if pending:
            # 128 moves, then 64 lines of an owner and its move
            moves = read(self.table + MOVING, "128Q" + "8xQ48x" * 64) or ()
            codes = [move & 0xFFFF for move in moves
                     if move >> 16 == block >> 5 and not (move ^ code) & 1]
            code = codes[0] if codes else 0
        chunk = code and self.kind(code >> 5, code >> 1 & 15)
        if chunk:
            chunk.update(base=block + 16 * (code & 1), pending=int(pending),
                         ident=self.ident, depth=self.depth)
        return chunk

    def group(self, address):
        """The chunks that begin in the KiB of an address."""
        leaf = self.leaf(address)
        if not leaf:
            return
        start = address & ~1023
        slots = read(leaf + (address >> 10 & 0x7FF) * 64, "32H") or ()
        for number, code in enumerate(slots):
            if code in PENDING or code >= OF_A_KIND:
                yield self.slot(code, start + 32 * number)
        crowded = read_one(self.table + HAS_MORE, "I")
        more = read_one(leaf + LEAF_LINKS + 8 * (address >> 10 & 0x7FF))
        for _ in range(MOST):
            words = more and read(more, "8Q")
            if not words:
                return
            for word in words[:7]:
                block = word >> 32 & 31
                if word and (crowded or slots and slots[block] in LISTED):
                    yield self.listed(word & 0xFFFFFFFF,
                                      start + 32 * block + (word >> 37 & 7))
            more = words[7]

    def marked(self, address):
        """Where chunks begin that lie across a border before the address."""
        zone, leaf = self.zone(address), self.leaf(address)
        marks = []
        if leaf:
            marks += [(leaf + LEAF_1K + 2 * (address >> 10 & 2047), "H", 10),
                      (leaf + LEAF_16K + 2 * (address >> 14 & 127), "H", 14),
                      (leaf + LEAF_256K + 4 * (address >> 18 & 7), "I", 18)]
        if zone:
            marks.append((zone + ZONE_2M + 4 * (address >> 21 & 4095), "I", 21))
        for where, form, shift in marks:
            back = read_one(where, form)
            if back:
                yield (address >> shift << shift) - 8 * back
        far = zone and read_one(zone + ZONE_FAR)
        if far:
            yield far

    def look(self, address):
        best = None
        places = [address, address - 1024] if address >= 1024 else [address]
        for place in places + list(self.marked(address)):
            for chunk in self.group(place):
                if not chunk or not (0 <= address - chunk["base"] <
                                     max(chunk["usable"], 1)):
                    continue
                if not best or ((not chunk["pending"], chunk["base"]) >
                                (not best["pending"], best["base"])):
                    best = chunk
        return best

    def is_alive(self, chunk):
        """Has it not gone with its pool?"""
        if not self.outer:
            return True
        pool = self.outer.find(chunk["base"])
        if not pool:
            return bool(chunk["opened"] & ALONE)
        return (pool["opened"] & ~ALONE) > chunk["base"]

    def find(self, address):
        chunk = self.look(address)
        return chunk if chunk and self.is_alive(chunk) else None


def sections():
    """Sections of all objects that may hold a descriptor."""
    for line in gdb.execute("info files", to_string=True).splitlines():
        match = re.match(r"\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is (\S+)", line)
        if match and match.group(3) in SECTIONS:
            yield int(match.group(1), 16), int(match.group(2), 16)


def units():
    """Addresses of descriptors; a unit's own copies of it are known by its
    stacks."""
    inferior = gdb.selected_inferior()
    known = set()
    for start, end in sections():
        while start < end:
            try:
                at = inferior.search_memory(start, end - start, MAGIC)
            except gdb.error:
                break
            if at is None:
                break
            start = at + 8
            found = read(at, "IIII")
            stacks = read(at + UNIT_STACKS, "QQ")
            if (found and found[2] >= 40 and not found[3] and stacks and
                    stacks[0] <= stacks[1] <= stacks[0] + 8 * MOST and
                    stacks[0] not in known):
                known.add(stacks[0])
                yield stacks


def layers(stack):
    nr = read_one(stack + 4, "I")
    at = read_one(stack + STACK_LAYERS)
    for _ in range(min(nr, MOST)):
        size = read_one(at, "I")
        if not size:
            return
        yield at, size
        at += size


def indexes():
    nr_units = 0
    found = []
    for first, end in units():
        nr_units += 1
        for where in range(first, end, 8):
            stack = read_one(where)
            if not stack:
                continue
            ident = read_string(read_one(stack + STACK_IDENT))
            for layer, size in layers(stack):
                root = size >= LAYER_ROOT + 8 and read_one(layer + LAYER_ROOT)
                if not root:
                    continue
                _, layout, nr_bytes, table = read(root, "IIQQ") or 4 * (0,)
                if layout != LAYOUT or nr_bytes != TABLE_BYTES:
                    raise gdb.GdbError(
                        "an index of another release (layout %d, this script "
                        "reads %d): source the script that came with it" %
                        (layout, LAYOUT))
                found.append(Index(ident, table))
    if not nr_units:
        raise gdb.GdbError("no unit of libmallochooks is here: start the "
                           "program by \"mallochooks run\", or with the "
                           "preload, or link it with a stack")
    if not found:
        raise gdb.GdbError("no stack has the layer index: configure "
                           "HOOK_INDEX, or compose with --layers=...,index")
    tables = {index.table: index for index in found}
    for index in found:
        index.outer = tables.get(read_one(index.table + OUTER))
    return found


def place(site):
    """Of a return address: the call lies just before it."""
    if not site:
        return "no site"
    pc = site - 1
    symbol = gdb.execute("info symbol 0x%x" % pc, to_string=True).strip()
    name = "0x%x" % site if symbol.startswith("No symbol") else \
        symbol.split(" in section")[0]
    line = gdb.find_pc_line(pc)
    if line.symtab and line.line:
        return "%s  %s:%d" % (name, line.symtab.filename, line.line)
    return name


class Mallochooks(gdb.Command):
    """What libmallochooks knows of this process or core."""

    def __init__(self):
        super().__init__("mallochooks", gdb.COMMAND_DATA, gdb.COMPLETE_NONE,
                         True)


class Query(gdb.Command):
    """mallochooks query EXPRESSION: which chunk does the address lie in?"""

    def __init__(self):
        super().__init__("mallochooks query", gdb.COMMAND_DATA,
                         gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("mallochooks query EXPRESSION")
        try:
            value = gdb.parse_and_eval(argument)
            if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
                value = value.address
            address = int(value.cast(gdb.lookup_type("unsigned long")))
        except gdb.error as error:
            raise gdb.GdbError("%s: no address: %s" % (argument, error))
        chunks = [chunk for index in indexes()
                  for chunk in [index.find(address)] if chunk]
        if not chunks:
            print("0x%x: in no chunk that is known" % address)
            return
        chunks.sort(key=lambda one: (-one["base"], one["usable"],
                                     -one["depth"]))
        for chunk in chunks:
            print("0x%x: byte %d of 0x%x, %d bytes requested, %d usable, "
                  "tag %d, %s%s" % (address, address - chunk["base"],
                                    chunk["base"], chunk["requested"],
                                    chunk["usable"], chunk["tag"],
                                    chunk["ident"],
                                    ", in realloc" if chunk["pending"] else ""))
            print("  allocated at %s" % place(chunk["site"]))


Mallochooks()
Query()

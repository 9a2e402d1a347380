// SPDX-License-Identifier: MIT
/*
 * rewrite-x86.c - references in code of x86_64
 *
 * Source: System V ABI, AMD64 supplement, 4.4 (relocations).
 */
#include <stdlib.h>
#include <string.h>

#include "rewrite-machine.h"
#include "tools.h"

enum {
	INSN_MOST = 15,
	SHORT_MOST = 128,	/* how far a short jump goes, and a byte */
};

/* Opcode of a near call or jump before its distance? */
static int is_branch(const unsigned char *code, size_t field)
{
	if (field >= 1 && (code[field - 1] == 0xe8 || code[field - 1] == 0xe9))
		return 1;
	return field >= 2 && code[field - 2] == 0x0f &&
	       code[field - 1] >> 4 == 8;
}

/* Last byte before a displacement from %rip: ModRM with mod 0, r/m 5. */
static int is_rip_relative(const unsigned char *code, size_t field)
{
	return field >= 2 && (code[field - 1] & 0xc7) == 0x05;
}

/* The processor adds to the address of the next instruction. */
static enum ref pc_relative(const struct elf_section *in,
			    const Elf64_Rela *rela, int64_t *offset)
{
	size_t field = rela->r_offset;

	*offset = (int64_t)((uint64_t)rela->r_addend + 4);
	if (!(in->hdr.sh_flags & SHF_EXECINSTR) || field >= in->bytes)
		return REF_DISTANCE;
	if (is_branch(in->data, field))
		return REF_BRANCH;
	return is_rip_relative(in->data, field) ? REF_ADDRESS : REF_DISTANCE;
}

static enum ref reference(const struct elf_section *in, const Elf64_Rela *rela,
			  int64_t *offset)
{
	*offset = rela->r_addend;
	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_X86_64_PC32:
	case R_X86_64_PLT32:
		return pc_relative(in, rela, offset);
	case R_X86_64_PLTOFF64:
		return REF_BRANCH;
	case R_X86_64_64:
	case R_X86_64_GOTOFF64:
		return in->hdr.sh_flags & SHF_EXECINSTR ? REF_FAR : REF_ADDRESS;
	case R_X86_64_32:
	case R_X86_64_32S:
		return REF_ADDRESS;
	case R_X86_64_GOT32:
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
	case R_X86_64_GOT64:
	case R_X86_64_GOTPCREL64:
	case R_X86_64_GOTPLT64:
		return REF_SLOT;
	case R_X86_64_PC8:
	case R_X86_64_PC16:
	case R_X86_64_PC64:
		return REF_DISTANCE;
	default:
		return REF_OTHER;
	}
}

static int is_relocated(const struct code *code, size_t field, size_t bytes)
{
	while (bytes--)
		if (code->mark[field + bytes] & MARK_RELOCATED)
			return 1;
	return 0;
}

/* An instruction with a distance in it, if it is of a kind that we know. */
static int read_place(const struct code *code, size_t at, size_t field,
		      size_t end, struct place *place)
{
	int32_t distance;

	memset(place, 0, sizeof(*place));
	place->at = field;
	if (end - field == 1) {			/* a short jump */
		place->to = (int64_t)end + (signed char)code->code[field];
		place->is_short = 1;
		place->type = R_X86_64_PLT32;
		place->addend = -4;
		return 1;
	}
	if (end - field != 4 || is_relocated(code, field, 4))
		return 0;
	memcpy(&distance, code->code + field, sizeof(distance));
	place->to = (int64_t)end + distance;
	place->addend = -4;
	place->is_call = code->code[field - 1] == 0xe8;
	if (is_branch(code->code, field)) {
		place->type = R_X86_64_PLT32;
		return 1;
	}
	place->ref = REF_ADDRESS;
	place->type = R_X86_64_PC32;
	/* LEA: the others read or write what is there */
	return is_rip_relative(code->code, field) && field >= at + 2 &&
	       code->code[field - 2] == 0x8d;
}

/* Where nobody says where functions are, four bytes that fit must do. */
static void try_bytes(const struct code *code, size_t at,
		      void (*visit)(const struct place *place, void *arg),
		      void *arg)
{
	struct place place;
	size_t field = at + (code->code[at] == 0x0f ? 2 : 1);

	if (field + 4 <= code->bytes && is_branch(code->code, field) &&
	    read_place(code, at, field, field + 4, &place))
		visit(&place, arg);
}

/* The next function that begins within an instruction, or its end. */
static size_t resume(const struct code *code, size_t at, size_t end)
{
	while (++at < end)
		if (code->mark[at] & MARK_START)
			break;
	return at;
}

/* From where instructions are known to begin up to where they begin again. */
static void sweep_part(const struct code *code, size_t at, size_t end,
		       void (*visit)(const struct place *place, void *arg),
		       void *arg)
{
	size_t length, field;
	int lost = 0;		/* what follows in this function is no code */
	struct place place;

	while (at < end) {
		if (code->mark[at] & MARK_START)
			lost = 0;
		length = 0;
		if (!lost && code->mark[at] & MARK_INSIDE) {
			length = x86_length(code->code + at, code->bytes - at,
					    &field);
			lost = !length;
		}
		if (!length) {
			try_bytes(code, at++, visit, arg);
			continue;
		}
		if (field && read_place(code, at, at + field, at + length,
					&place))
			visit(&place, arg);
		at = resume(code, at, at + length);
	}
}

/* ---- where it is worth reading instructions -------------------------------- */

/* Places where a distance to a target would stand, were there a field. */
struct fields {
	size_t *at;
	size_t nr;
};

static void add_field(struct fields *fields, size_t at)
{
	/* grown in powers of two */
	if (!(fields->nr & (fields->nr - 1)))
		fields->at = xrealloc(fields->at, (fields->nr * 2 + 1) *
						  sizeof(*fields->at));
	fields->at[fields->nr++] = at;
}

static void find_distances(const struct code *code, struct fields *fields)
{
	/* Each byte of the code comes by here: all that it needs in registers. */
	const unsigned char *const bytes = code->code, *const mark = code->mark;
	const size_t nr = code->bytes;
	int32_t distance;

	for (size_t end = 1 + sizeof(distance); end <= nr; end++) {
		size_t at = end - sizeof(distance), to;

		memcpy(&distance, bytes + at, sizeof(distance));
		to = end + (size_t)distance;
		if (to >= nr || !(mark[to] & MARK_TARGET))
			continue;
		if (is_branch(bytes, at) || is_rip_relative(bytes, at))
			add_field(fields, at);
	}
}

static void find_short_jumps(const struct code *code, size_t target,
			     struct fields *fields)
{
	size_t at = target > SHORT_MOST ? target - SHORT_MOST : 1;

	for (; at < code->bytes && at <= target + SHORT_MOST; at++) {
		size_t to = at + 1 + (size_t)(signed char)code->code[at];
		unsigned char opcode = code->code[at - 1];

		/* Jcc, LOOP, JCXZ and JMP */
		if (to == target && (opcode >> 4 == 7 || opcode >> 2 == 0x38 ||
				     opcode == 0xeb))
			add_field(fields, at);
	}
}

static int by_place(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

static void find_fields(const struct code *code, struct fields *fields)
{
	*fields = (struct fields){ NULL, 0 };
	find_distances(code, fields);
	for (size_t i = 0; i < code->nr_targets; i++)
		find_short_jumps(code, code->targets[i], fields);
	if (fields->nr)
		qsort(fields->at, fields->nr, sizeof(*fields->at), by_place);
}

/*
 * Reading starts anew at each function: those in which no field could name a
 * target need not be read.
 */
static void sweep(const struct code *code,
		  void (*visit)(const struct place *place, void *arg),
		  void *arg)
{
	size_t swept = 0, begin, end;
	struct fields fields;

	find_fields(code, &fields);
	for (size_t i = 0; i < fields.nr; i++) {
		size_t at = fields.at[i];

		if (at < swept)
			continue;
		begin = at > INSN_MOST ? at - INSN_MOST : 0;
		while (begin > swept && !(code->mark[begin] & MARK_START))
			begin--;
		if (begin < swept)
			begin = swept;
		end = resume(code, at, code->bytes);
		sweep_part(code, begin, end, visit, arg);
		swept = end;
	}
	free(fields.at);
}

/* Length of a NOP as assemblers fill gaps with, or 0. */
static size_t nop(const struct code *code, size_t at)
{
	size_t field, length = x86_length(code->code + at, code->bytes - at,
					  &field);
	size_t opcode = at;

	if (!length)
		return 0;
	while (opcode < at + length - 1 && (code->code[opcode] == 0x66 ||
					    code->code[opcode] == 0x2e))
		opcode++;
	if (code->code[opcode] == 0x90 || code->code[opcode] == 0xcc)
		return length;
	return code->code[opcode] == 0x0f && code->code[opcode + 1] == 0x1f ?
	       length : 0;
}

/* Bytes of a gap between functions, from @at on; all of it is NOPs, or 0. */
static size_t gap(const struct code *code, size_t at)
{
	size_t end = at, next = at;

	while (end < code->bytes &&
	       !(code->mark[end] & (MARK_INSIDE | MARK_RELOCATED)))
		end++;
	while (next < end) {
		size_t length = nop(code, next);

		if (!length || length > end - next)
			return 0;
		next += length;
	}
	return end - at;
}

enum { JUMP_BYTES = 5 };

/* Does nobody walk into what begins at @at?  RET, JMP, UD2, or a CALL that does
 * not come back; assembly may walk through NOPs into its next function. */
static int flow_ends(const struct code *code, size_t at)
{
	const unsigned char *end = code->code + at;

	return end[-1] == 0xc3 ||
	       (at >= 2 && (end[-2] == 0xeb ||
			    (end[-2] == 0x0f && end[-1] == 0x0b))) ||
	       (at >= JUMP_BYTES && (end[-JUMP_BYTES] & 0xfe) == 0xe8);
}

/* Gaps are what lies between functions of known size. */
static int bridge(const struct code *code, const struct place *place,
		  size_t *field)
{
	size_t end = place->at + 1, at = end > 128 ? end - 128 : 1, nr;

	for (; at <= end + 127 && at < code->bytes; at++) {
		if (code->mark[at] & (MARK_INSIDE | MARK_RELOCATED) ||
		    !(code->mark[at - 1] & MARK_INSIDE) || !flow_ends(code, at))
			continue;
		nr = gap(code, at);
		if (nr < JUMP_BYTES)
			continue;
		memset(code->code + at, 0xcc, nr);	/* no half NOPs */
		code->code[at] = 0xe9;
		memset(code->code + at + 1, 0, JUMP_BYTES - 1);
		/* Taken: neither a gap nor a place any more. */
		memset(code->mark + at, MARK_INSIDE | MARK_RELOCATED,
		       JUMP_BYTES);
		code->code[place->at] = (unsigned char)(at - end);
		*field = at + 1;
		return 1;
	}
	return 0;
}

const struct machine machine_x86_64 = { EM_X86_64, reference, sweep, bridge };

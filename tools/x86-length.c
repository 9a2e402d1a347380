// SPDX-License-Identifier: MIT
/*
 * x86-length.c - where an x86_64 instruction ends
 *
 * Looking for a byte 0xeb finds constants too; who reads the instructions one
 * by one knows which are jumps.
 */
#include "rewrite-machine.h"

/*
 * What follows an opcode: '.' nothing, 'm' a ModRM byte with what belongs to
 * it, '1' '2' '3' so many bytes, 'z' a constant of operand size (at most four
 * bytes), 'M' ModRM and one byte, 'Z' ModRM and 'z', 'v' a constant of operand
 * size (at most eight), 'o' an address, 'j' 'J' a distance of one and of four
 * bytes, 't' 'T' as 'M' 'Z' if it is TEST, 'p' a prefix, '-' no instruction.
 */
static const char one_byte[257] =
	"mmmm1z--mmmm1z-p" "mmmm1z--mmmm1z--"	/* 00 */
	"mmmm1zp-mmmm1zp-" "mmmm1zp-mmmm1zp-"	/* 20 */
	"pppppppppppppppp" "................"	/* 40 */
	"---mppppzZ1M...." "jjjjjjjjjjjjjjjj"	/* 60 */
	"MZ-Mmmmmmmmmmmmm" "..........-....."	/* 80 */
	"oooo....1z......" "11111111vvvvvvvv"	/* a0 */
	"MM2.--MZ3.2..1-." "mmmm---.mmmmmmmm"	/* c0 */
	"jjjj1111JJ-j...." "p.pp..tT......mm";	/* e0 */

static const char two_bytes[257] =
	"mmmm-.....-.-m.M" "mmmmmmmmmmmmmmmm"	/* 00 */
	"mmmm----mmmmmmmm" "........--------"	/* 20 */
	"mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm"	/* 40 */
	"mmmmmmmmmmmmmmmm" "MMMMmmm.mmmmmmmm"	/* 60 */
	"JJJJJJJJJJJJJJJJ" "mmmmmmmmmmmmmmmm"	/* 80 */
	"...mMm--...mMmmm" "mmmmmmmmmmMmmmmm"	/* a0 */
	"mmMmMMMm........" "mmmmmmmmmmmmmmmm"	/* c0 */
	"mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";	/* e0 */

struct insn {
	const unsigned char *code;
	size_t bytes, at;
	int narrow;		/* 0x66: operands of 16 bits */
	int wide;		/* REX.W: of 64 bits */
	int short_address;	/* 0x67 */
	size_t field;
};

/* The next byte; what is cut off reads as zeros, and shows in @at. */
static unsigned int next(struct insn *insn)
{
	size_t at = insn->at++;

	return at < insn->bytes ? insn->code[at] : 0;
}

/* Return: the ModRM byte, with all that it brings along behind us. */
static unsigned int modrm(struct insn *insn)
{
	unsigned int byte = next(insn), mod = byte >> 6, rm = byte & 7;

	if (mod == 3)
		return byte;
	if (mod == 0 && rm == 5) {
		insn->field = insn->at;
		insn->at += 4;
	} else if (rm == 4 && (next(insn) & 7) == 5 && mod == 0) {
		insn->at += 4;
	}
	insn->at += mod == 1 ? 1 : mod == 2 ? 4 : 0;
	return byte;
}

static size_t immediate(const struct insn *insn, int most)
{
	if (insn->wide)
		return most;
	return insn->narrow ? 2 : 4;
}

/* Return: 0 when there is no such instruction. */
static int operands(struct insn *insn, char what)
{
	switch (what) {
	case '.':
		return 1;
	case '1': case '2': case '3':
		insn->at += what - '0';
		return 1;
	case 'z':
		insn->at += immediate(insn, 4);
		return 1;
	case 'v':
		insn->at += immediate(insn, 8);
		return 1;
	case 'o':
		insn->at += insn->short_address ? 4 : 8;
		return 1;
	case 'j': case 'J':
		insn->field = insn->at;
		insn->at += what == 'j' ? 1 : 4;
		return 1;
	case 'm':
		modrm(insn);
		return 1;
	case 'M': case 'Z':
		modrm(insn);
		return operands(insn, what == 'M' ? '1' : 'z');
	case 't': case 'T':
		if ((modrm(insn) >> 3 & 7) < 2)
			return operands(insn, what == 't' ? '1' : 'z');
		return 1;
	default:
		return 0;
	}
}

/* Opcodes of VEX, EVEX and XOP: map 1 as with 0x0f, the others regular. */
static int vector(struct insn *insn, unsigned int map)
{
	unsigned int opcode = next(insn);

	if (map == 1)
		return opcode >> 4 != 8 && operands(insn, two_bytes[opcode]);
	if (map == 2 || map == 5 || map == 6 || map == 9)
		return operands(insn, 'm');
	if (map == 3 || map == 8)
		return operands(insn, 'M');
	if (map == 10) {
		modrm(insn);
		return operands(insn, 'z');
	}
	return 0;
}

static int escaped(struct insn *insn)
{
	unsigned int opcode = next(insn);

	if (opcode == 0x38 || opcode == 0x3a) {
		next(insn);
		return operands(insn, opcode == 0x38 ? 'm' : 'M');
	}
	return operands(insn, two_bytes[opcode]);
}

static int behind_prefixes(struct insn *insn, unsigned int opcode)
{
	unsigned int byte = insn->at < insn->bytes ? insn->code[insn->at] : 0;

	switch (opcode) {
	case 0x0f:
		return escaped(insn);
	case 0xc5:
		insn->at++;
		return vector(insn, 1);
	case 0xc4:
		insn->at += 2;
		return vector(insn, byte & 0x1f);
	case 0x62:
		insn->at += 3;
		return vector(insn, byte & 7);
	case 0x8f:
		if ((byte & 0x1f) < 8)
			break;		/* POP */
		insn->at += 2;
		return vector(insn, byte & 0x1f);
	}
	return operands(insn, one_byte[opcode]);
}

size_t x86_length(const unsigned char *code, size_t bytes, size_t *field)
{
	struct insn insn = { .code = code, .bytes = bytes < 15 ? bytes : 15 };
	unsigned int opcode = next(&insn);

	for (; one_byte[opcode] == 'p' && opcode != 0x0f;
	     opcode = next(&insn)) {
		if (insn.at > insn.bytes)
			return 0;
		insn.narrow |= opcode == 0x66;
		insn.short_address |= opcode == 0x67;
		/* REX counts only directly before the opcode. */
		insn.wide = opcode >> 4 == 4 && opcode & 8;
	}
	if (!behind_prefixes(&insn, opcode) || insn.at > insn.bytes)
		return 0;
	*field = insn.field;
	return insn.at;
}

// SPDX-License-Identifier: MIT
/*
 * rewrite-aarch64.c - references in code of aarch64
 *
 * Source: ELF for the Arm 64-bit Architecture (AAELF64), 5.7 (relocations) and
 * 5.5.4 (mapping symbols); Arm ARM, C4.1 (encodings).
 */
#include <string.h>

#include "rewrite-machine.h"

static enum ref reference(const struct elf_section *in, const Elf64_Rela *rela,
			  int64_t *offset)
{
	(void)in;
	*offset = rela->r_addend;
	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_AARCH64_CALL26:
	case R_AARCH64_JUMP26:
	case R_AARCH64_CONDBR19:
	case R_AARCH64_TSTBR14:
		return REF_BRANCH;
	case R_AARCH64_ABS64:
	case R_AARCH64_ABS32:
	case R_AARCH64_ADR_PREL_LO21:
	case R_AARCH64_ADR_PREL_PG_HI21:
	case R_AARCH64_ADR_PREL_PG_HI21_NC:
	case R_AARCH64_ADD_ABS_LO12_NC:
	case R_AARCH64_MOVW_UABS_G0:
	case R_AARCH64_MOVW_UABS_G0_NC:
	case R_AARCH64_MOVW_UABS_G1:
	case R_AARCH64_MOVW_UABS_G1_NC:
	case R_AARCH64_MOVW_UABS_G2:
	case R_AARCH64_MOVW_UABS_G2_NC:
	case R_AARCH64_MOVW_UABS_G3:
		return REF_ADDRESS;
	case R_AARCH64_GOT_LD_PREL19:
	case R_AARCH64_LD64_GOTOFF_LO15:
	case R_AARCH64_ADR_GOT_PAGE:
	case R_AARCH64_LD64_GOT_LO12_NC:
	case R_AARCH64_LD64_GOTPAGE_LO15:
		return REF_SLOT;
	case R_AARCH64_PREL64:
	case R_AARCH64_PREL32:
	case R_AARCH64_PREL16:
	case 314:	/* R_AARCH64_PLT32, younger than some elf.h */
		return REF_DISTANCE;
	default:
		return REF_OTHER;
	}
}

/* Bits @low.. of an instruction, @nr of them, as a signed number. */
static int64_t field(uint32_t insn, int low, int nr)
{
	return (int64_t)((uint64_t)insn << (64 - low - nr)) >> (64 - nr);
}

static int read_branch(uint32_t insn, struct place *place)
{
	if ((insn & 0x7c000000) == 0x14000000) {	/* B, BL */
		place->is_call = insn >> 31;
		place->type = place->is_call ? R_AARCH64_CALL26
					     : R_AARCH64_JUMP26;
		place->to = field(insn, 0, 26) * 4;
		place->keep = 0xfc000000;
		return 1;
	}
	if ((insn & 0xff000010) == 0x54000000 ||	/* B.cond */
	    (insn & 0x7e000000) == 0x34000000) {	/* CBZ, CBNZ */
		place->type = R_AARCH64_CONDBR19;
		place->to = field(insn, 5, 19) * 4;
		place->keep = 0xff00001f;
		return 1;
	}
	if ((insn & 0x7e000000) == 0x36000000) {	/* TBZ, TBNZ */
		place->type = R_AARCH64_TSTBR14;
		place->to = field(insn, 5, 14) * 4;
		place->keep = 0xfff8001f;
		return 1;
	}
	return 0;
}

static int read_place(uint32_t insn, size_t at, struct place *place)
{
	memset(place, 0, sizeof(*place));
	place->at = at;
	if ((insn & 0x9f000000) == 0x10000000) {	/* ADR */
		place->ref = REF_ADDRESS;
		place->type = R_AARCH64_ADR_PREL_LO21;
		place->to = field(insn, 5, 19) * 4 + (insn >> 29 & 3);
		place->keep = 0x9f00001f;
	} else if (!read_branch(insn, place)) {
		return 0;
	}
	place->to += (int64_t)at;
	return 1;
}

static void sweep(const struct code *code,
		  void (*visit)(const struct place *place, void *arg),
		  void *arg)
{
	struct place place;
	int data = 0;
	uint32_t insn;

	for (size_t at = 0; at + 4 <= code->bytes; at += 4) {
		if (code->mark[at] & (MARK_CODE | MARK_DATA))
			data = !(code->mark[at] & MARK_CODE);
		if (data || code->mark[at] & MARK_RELOCATED)
			continue;
		memcpy(&insn, code->code + at, sizeof(insn));
		if (read_place(insn, at, &place))
			visit(&place, arg);
	}
}

const struct machine machine_aarch64 = { EM_AARCH64, reference, sweep, NULL };

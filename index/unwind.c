// SPDX-License-Identifier: MIT
/*
 * unwind - up the stack, frame by frame, by .eh_frame
 *
 * Source: LSB 5.0, Core, 10.6 (.eh_frame and .eh_frame_hdr); DWARF 4, 6.4 and
 * 7.23 (call frame instructions).
 */
#include <sys/auxv.h>
#include "caller.h"
#include "module.h"
#include "nextsym.h"
#include "registers.h"
#include "thread.h"
#include "unwind.h"

/* Encodings of pointers: DW_EH_PE_*. */
enum {
	PE_ABSPTR = 0x00, PE_UDATA4 = 0x03, PE_UDATA8 = 0x04,
	PE_SDATA4 = 0x0b, PE_SDATA8 = 0x0c, PE_FORMAT = 0x0f,
	PE_PCREL = 0x10, PE_DATAREL = 0x30, PE_RELATION = 0x70,
	PE_INDIRECT = 0x80, PE_OMIT = 0xff,
};

/* Instructions: DW_CFA_*. */
enum {
	CFA_ADVANCE = 0x40, CFA_OFFSET = 0x80, CFA_RESTORE = 0xc0,
	CFA_NOP = 0x00, CFA_SET_LOC, CFA_ADVANCE1, CFA_ADVANCE2, CFA_ADVANCE4,
	CFA_OFFSET_EXTENDED, CFA_RESTORE_EXTENDED, CFA_UNDEFINED,
	CFA_SAME_VALUE, CFA_REGISTER, CFA_REMEMBER_STATE, CFA_RESTORE_STATE,
	CFA_DEF_CFA, CFA_DEF_CFA_REGISTER, CFA_DEF_CFA_OFFSET,
	CFA_DEF_CFA_EXPRESSION, CFA_EXPRESSION, CFA_OFFSET_EXTENDED_SF,
	CFA_DEF_CFA_SF, CFA_DEF_CFA_OFFSET_SF, CFA_VAL_OFFSET,
	CFA_VAL_OFFSET_SF, CFA_VAL_EXPRESSION,
	CFA_NEGATE_RA_STATE = 0x2d, CFA_ARGS_SIZE = 0x2e,
};

/* Of expressions: DW_OP_*. */
enum { OP_DEREF = 0x06, OP_PLUS_UCONST = 0x23, OP_BREG0 = 0x70 };

#define MOST_STATES	8	/* of DW_CFA_remember_state; compilers nest one */

static uintptr_t stack_end;	/* the main thread's, 0: not known */

/* Bytes to be read; what lies behind the end reads as 0 and sets @bad. */
struct bytes {
	const unsigned char *at;
	const unsigned char *end;
	int bad;
};

/**
 * struct fde - a function's description
 * @start, @end: its code
 * @code, @data: factors of its instructions
 * @common:	instructions of all functions like it
 * @own:	those of its own
 */
struct fde {
	uintptr_t start, end;
	uint64_t code;
	uint64_t data;
	int is_signal;
	struct bytes common;
	struct bytes own;
};

/* Where a register was kept; an expression is that of its place. */
struct rule {
	enum {
		RULE_SAME, RULE_AT_CFA, RULE_EXPRESSION, RULE_UNDEFINED,
		RULE_OTHER,
	} how;
	uint64_t offset;
	struct bytes expression;
};

/**
 * struct row - what is known of one place in the code
 * @cfa_expression: instead of register and offset, when it has any
 */
struct row {
	uint64_t cfa_register;
	uint64_t cfa_offset;
	struct bytes cfa_expression;
	struct rule ra;
	struct rule fp;
};

/* ---- reading ----------------------------------------------------------------- */

static uint64_t fixed(struct bytes *bytes, size_t nr)
{
	uint64_t value = 0;

	if ((size_t)(bytes->end - bytes->at) < nr) {
		bytes->bad = 1;
		bytes->at = bytes->end;
		return 0;
	}
	for (size_t i = 0; i < nr; i++)
		value |= (uint64_t)bytes->at[i] << 8 * i;
	bytes->at += nr;
	return value;
}

static uint64_t uleb(struct bytes *bytes)
{
	uint64_t value = 0, byte;
	unsigned int shift = 0;

	do {
		byte = fixed(bytes, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return value;
}

/* Signed: its two's complement. */
static uint64_t sleb(struct bytes *bytes)
{
	uint64_t value = 0, byte;
	unsigned int shift = 0;

	do {
		byte = fixed(bytes, 1);
		if (shift < 64)
			value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (byte & 0x40 && shift < 64)
		value |= ~(uint64_t)0 << shift;
	return value;
}

/* As many as the number before them says. */
static struct bytes block(struct bytes *bytes)
{
	uint64_t length = uleb(bytes);
	struct bytes inside;

	if (length > (uint64_t)(bytes->end - bytes->at)) {
		bytes->bad = 1;
		length = 0;
	}
	inside = (struct bytes){ bytes->at, bytes->at + length, 0 };
	bytes->at += length;
	return inside;
}

/* @base: of DW_EH_PE_datarel */
static uintptr_t pointer(struct bytes *bytes, unsigned char encoding,
			 uintptr_t base)
{
	uintptr_t from = (uintptr_t)bytes->at;
	uint64_t value;

	switch (encoding & PE_FORMAT) {
	case PE_UDATA4:
		value = fixed(bytes, 4);
		break;
	case PE_SDATA4:
		value = (uint64_t)(int64_t)(int32_t)fixed(bytes, 4);
		break;
	case PE_ABSPTR:
	case PE_UDATA8:
	case PE_SDATA8:
		value = fixed(bytes, 8);
		break;
	default:
		bytes->bad = 1;
		return 0;
	}
	switch (encoding & (PE_RELATION | PE_INDIRECT)) {
	case 0:
		return value;
	case PE_PCREL:
		return from + value;
	case PE_DATAREL:
		return base + value;
	default:
		bytes->bad = 1;
		return 0;
	}
}

/* The entry of .eh_frame at @at, its length read. */
static struct bytes entry_at(const struct mh_module *module,
			     const unsigned char *at)
{
	struct bytes bytes = { at, module->tables_end, 1 };
	uint64_t length;

	if (at < module->tables_start || at >= module->tables_end)
		return bytes;
	bytes.bad = 0;
	length = fixed(&bytes, 4);
	/* 0 ends the section; 64-bit lengths nobody writes */
	if (!length || length == UINT32_MAX ||
	    length > (uint64_t)(bytes.end - bytes.at))
		bytes.bad = 1;
	else
		bytes.end = bytes.at + length;
	return bytes;
}

/* ---- finding ------------------------------------------------------------------- */

static int32_t table_word(const unsigned char *at)
{
	struct bytes bytes = { at, at + 4, 0 };

	return (int32_t)fixed(&bytes, 4);
}

/*
 * The last function that begins at or before @address.  The linkers write one
 * form of the table only: pairs of 32-bit distances from the header.
 */
static const unsigned char *search(const struct mh_module *module,
				   uintptr_t address)
{
	const unsigned char *header = module->eh_frame_hdr, *table;
	struct bytes bytes = { header, module->tables_end, 0 };
	unsigned char how_frame, how_count;
	size_t low = 0, high, middle;

	if (fixed(&bytes, 1) != 1)
		return NULL;
	how_frame = (unsigned char)fixed(&bytes, 1);
	how_count = (unsigned char)fixed(&bytes, 1);
	if (fixed(&bytes, 1) != (PE_DATAREL | PE_SDATA4))
		return NULL;
	pointer(&bytes, how_frame, (uintptr_t)header);
	high = pointer(&bytes, how_count, (uintptr_t)header);
	table = bytes.at;
	if (bytes.bad || !high || high > (size_t)(bytes.end - table) / 8)
		return NULL;
	while (high - low > 1) {
		middle = (low + high) / 2;
		if ((uintptr_t)header +
		    (uintptr_t)(intptr_t)table_word(table + 8 * middle) <= address)
			low = middle;
		else
			high = middle;
	}
	return header + table_word(table + 8 * low + 4);
}

/* "zPLR" and the like: only R says how the function's own pointers look. */
static int read_augmentation(struct bytes *cie, const char *augmentation,
			     struct fde *fde, unsigned char *encoding)
{
	struct bytes data;

	*encoding = PE_ABSPTR;
	if (!*augmentation)
		return 1;
	if (*augmentation++ != 'z')
		return 0;
	data = block(cie);
	for (; *augmentation; augmentation++) {
		unsigned char personality;

		switch (*augmentation) {
		case 'R':
			*encoding = (unsigned char)fixed(&data, 1);
			break;
		case 'L':
			fixed(&data, 1);
			break;
		case 'P':
			personality = (unsigned char)fixed(&data, 1);
			pointer(&data, personality & PE_FORMAT, 0);
			break;
		case 'S':
			fde->is_signal = 1;
			break;
		case 'B':
			break;
		default:
			return 0;
		}
	}
	return !data.bad && !cie->bad;
}

static int read_cie(const struct mh_module *module, const unsigned char *at,
		    struct fde *fde, unsigned char *encoding)
{
	struct bytes cie = entry_at(module, at);
	const char *augmentation;
	uint64_t version, ra;

	if (cie.bad || fixed(&cie, 4))
		return 0;
	version = fixed(&cie, 1);
	augmentation = (const char *)cie.at;
	while (fixed(&cie, 1))
		;
	if (cie.bad)
		return 0;
	fde->code = uleb(&cie);
	fde->data = sleb(&cie);
	ra = version == 1 ? fixed(&cie, 1) : uleb(&cie);
	if (ra != MH_DWARF_RA ||
	    !read_augmentation(&cie, augmentation, fde, encoding))
		return 0;
	fde->common = cie;
	return !cie.bad;
}

static int read_fde(const struct mh_module *module, const unsigned char *at,
		    struct fde *fde)
{
	struct bytes bytes = entry_at(module, at);
	const unsigned char *field = bytes.at;
	unsigned char encoding;
	uint64_t back;

	if (bytes.bad)
		return 0;
	back = fixed(&bytes, 4);
	fde->is_signal = 0;
	if (!back || !read_cie(module, field - back, fde, &encoding))
		return 0;
	fde->start = pointer(&bytes, encoding, 0);
	fde->end = fde->start + pointer(&bytes, encoding & PE_FORMAT, 0);
	block(&bytes);
	fde->own = bytes;
	return !bytes.bad;
}

static int find_fde(uintptr_t address, struct fde *fde)
{
	struct mh_module module;
	const unsigned char *at;

	if (!mh_module_find(address, &module) || !module.eh_frame_hdr)
		return 0;
	at = search(&module, address);
	return at && read_fde(&module, at, fde) && address >= fde->start &&
	       address < fde->end;
}

/* ---- call frame instructions ------------------------------------------------------ */

struct machine {
	const struct fde *fde;
	struct row row;
	struct row initial;		/* as the common instructions left it */
	struct row kept[MOST_STATES];
	unsigned int nr_kept;
	uintptr_t at;
	uintptr_t until;
};

static void set_rule(struct machine *machine, uint64_t reg, struct rule rule)
{
	if (reg == MH_DWARF_RA)
		machine->row.ra = rule;
	else if (reg == MH_DWARF_FP)
		machine->row.fp = rule;
}

static void set_saved(struct machine *machine, uint64_t reg, uint64_t offset)
{
	const struct rule rule = {
		.how = RULE_AT_CFA, .offset = offset * machine->fde->data,
	};

	set_rule(machine, reg, rule);
}

static void set_how(struct machine *machine, uint64_t reg, int how)
{
	const struct rule rule = { .how = how };

	set_rule(machine, reg, rule);
}

static void set_expression(struct machine *machine, uint64_t reg,
			   struct bytes expression)
{
	const struct rule rule = {
		.how = RULE_EXPRESSION, .expression = expression,
	};

	set_rule(machine, reg, rule);
}

static void restore(struct machine *machine, uint64_t reg)
{
	if (reg == MH_DWARF_RA)
		machine->row.ra = machine->initial.ra;
	else if (reg == MH_DWARF_FP)
		machine->row.fp = machine->initial.fp;
}

static void set_cfa(struct machine *machine, uint64_t reg, uint64_t offset)
{
	const struct bytes none = { NULL, NULL, 0 };

	machine->row.cfa_register = reg;
	machine->row.cfa_offset = offset;
	machine->row.cfa_expression = none;
}

static int keep_state(struct machine *machine)
{
	if (machine->nr_kept == MOST_STATES)
		return 0;
	machine->kept[machine->nr_kept++] = machine->row;
	return 1;
}

static int take_state(struct machine *machine)
{
	if (!machine->nr_kept)
		return 0;
	machine->row = machine->kept[--machine->nr_kept];
	return 1;
}

/* Return: 0 for an instruction that nobody has told us about. */
static int step_rule(struct machine *machine, struct bytes *bytes,
		     unsigned char op)
{
	uint64_t reg;

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		reg = uleb(bytes);
		set_saved(machine, reg, uleb(bytes));
		return 1;
	case CFA_OFFSET_EXTENDED_SF:
		reg = uleb(bytes);
		set_saved(machine, reg, sleb(bytes));
		return 1;
	case CFA_RESTORE_EXTENDED:
		restore(machine, uleb(bytes));
		return 1;
	case CFA_UNDEFINED:
		set_how(machine, uleb(bytes), RULE_UNDEFINED);
		return 1;
	case CFA_SAME_VALUE:
		set_how(machine, uleb(bytes), RULE_SAME);
		return 1;
	case CFA_REGISTER:
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		set_how(machine, uleb(bytes), RULE_OTHER);
		uleb(bytes);
		return 1;
	case CFA_EXPRESSION:
		reg = uleb(bytes);
		set_expression(machine, reg, block(bytes));
		return 1;
	case CFA_VAL_EXPRESSION:
		set_how(machine, uleb(bytes), RULE_OTHER);
		block(bytes);
		return 1;
	case CFA_REMEMBER_STATE:
		return keep_state(machine);
	case CFA_RESTORE_STATE:
		return take_state(machine);
	default:
		return 0;
	}
}

static int step_cfa(struct machine *machine, struct bytes *bytes,
		    unsigned char op)
{
	uint64_t reg;

	switch (op) {
	case CFA_DEF_CFA:
		reg = uleb(bytes);
		set_cfa(machine, reg, uleb(bytes));
		return 1;
	case CFA_DEF_CFA_SF:
		reg = uleb(bytes);
		set_cfa(machine, reg, sleb(bytes) * machine->fde->data);
		return 1;
	case CFA_DEF_CFA_REGISTER:
		machine->row.cfa_register = uleb(bytes);
		return 1;
	case CFA_DEF_CFA_OFFSET:
		machine->row.cfa_offset = uleb(bytes);
		return 1;
	case CFA_DEF_CFA_OFFSET_SF:
		machine->row.cfa_offset = sleb(bytes) * machine->fde->data;
		return 1;
	case CFA_DEF_CFA_EXPRESSION:
		machine->row.cfa_expression = block(bytes);
		return 1;
	default:
		return step_rule(machine, bytes, op);
	}
}

static int step(struct machine *machine, struct bytes *bytes)
{
	unsigned char op = (unsigned char)fixed(bytes, 1);

	switch (op & 0xc0) {
	case CFA_ADVANCE:
		machine->at += (op & 0x3f) * machine->fde->code;
		return 1;
	case CFA_OFFSET:
		set_saved(machine, op & 0x3f, uleb(bytes));
		return 1;
	case CFA_RESTORE:
		restore(machine, op & 0x3f);
		return 1;
	}
	switch (op) {
	case CFA_NOP:
	case CFA_NEGATE_RA_STATE:	/* mh_strip() does not mind */
		return 1;
	case CFA_ADVANCE1:
	case CFA_ADVANCE2:
	case CFA_ADVANCE4:
		machine->at += fixed(bytes, op == CFA_ADVANCE4 ? 4 :
				     op - CFA_ADVANCE1 + 1) *
			       machine->fde->code;
		return 1;
	case CFA_ARGS_SIZE:
		uleb(bytes);
		return 1;
	default:
		return step_cfa(machine, bytes, op);
	}
}

/* As far as the place that we look for. */
static int execute(struct machine *machine, struct bytes bytes)
{
	while (bytes.at < bytes.end && machine->at <= machine->until)
		if (!step(machine, &bytes) || bytes.bad)
			return 0;
	return 1;
}

static int find_row(const struct fde *fde, uintptr_t address, struct row *row)
{
	struct machine machine = {
		.fde = fde, .at = fde->start, .until = address,
	};

	if (!execute(&machine, fde->common))
		return 0;
	machine.initial = machine.row;
	machine.at = fde->start;
	if (!execute(&machine, fde->own))
		return 0;
	*row = machine.row;
	return 1;
}

/* ---- up --------------------------------------------------------------------------------- */

/* A thread's own block stands behind its stack, but for the main thread, which
 * has its stack elsewhere.  Return: the nearest of what may be the end. */
static uintptr_t end_of_stack(uintptr_t sp)
{
	uintptr_t end = mh_thread_pointer();

	if (sp >= end || (sp < stack_end && stack_end < end))
		end = stack_end;
	return sp < end ? end : UINTPTR_MAX;
}

/*
 * The word at an address of the stack.  Tables may lie, or a function that was
 * written by hand: nothing is read below the frame, or behind the end of the
 * stack.
 */
static int read_word(const struct mh_frame *frame, uintptr_t address,
		     uintptr_t *word)
{
	if (address < frame->sp || address % sizeof(*word) ||
	    address > end_of_stack(frame->sp) - sizeof(*word))
		return 0;
	*word = *(const uintptr_t *)address;
	return 1;
}

static int register_value(const struct mh_frame *frame, uint64_t reg,
			  uintptr_t *value)
{
	if (reg == MH_DWARF_SP)
		*value = frame->sp;
	else if (reg == MH_DWARF_FP)
		*value = frame->fp;
	else
		return 0;
	return 1;
}

/* Of what compilers write for a function that aligns its stack: the last value
 * counts.  @value: that before, and the result */
static int evaluate(struct bytes expression, const struct mh_frame *frame,
		    uintptr_t *value)
{
	while (expression.at < expression.end) {
		unsigned char op = (unsigned char)fixed(&expression, 1);

		if (op >= OP_BREG0 && op < OP_BREG0 + 32) {
			if (!register_value(frame, op - OP_BREG0, value))
				return 0;
			*value += sleb(&expression);
		} else if (op == OP_PLUS_UCONST) {
			*value += uleb(&expression);
		} else if (op != OP_DEREF || !read_word(frame, *value, value)) {
			return 0;
		}
	}
	return !expression.bad;
}

static int find_cfa(const struct row *row, const struct mh_frame *frame,
		    uintptr_t *cfa)
{
	*cfa = 0;
	if (row->cfa_expression.at)
		return evaluate(row->cfa_expression, frame, cfa);
	if (!register_value(frame, row->cfa_register, cfa))
		return 0;
	*cfa += row->cfa_offset;
	return 1;
}

/* What the register was to the caller; @value: what it is now */
static int recover(const struct rule *rule, const struct mh_frame *frame,
		   uintptr_t cfa, uintptr_t *value)
{
	uintptr_t at = cfa;

	switch (rule->how) {
	case RULE_AT_CFA:
		return read_word(frame, cfa + rule->offset, value);
	case RULE_EXPRESSION:
		return evaluate(rule->expression, frame, &at) &&
		       read_word(frame, at, value);
	case RULE_SAME:
	case RULE_UNDEFINED:	/* nobody needs it any more */
		return 1;
	default:
		return 0;
	}
}

/* On aarch64 a leaf keeps it in the register alone, which only the first frame
 * can have: not ours. */
static int apply(const struct row *row, struct mh_frame *frame)
{
	struct mh_frame up = *frame;
	uintptr_t cfa;

	if (row->ra.how != RULE_AT_CFA || !find_cfa(row, frame, &cfa) ||
	    cfa <= frame->sp || cfa % sizeof(void *) ||
	    !recover(&row->ra, frame, cfa, &up.pc) ||
	    !recover(&row->fp, frame, cfa, &up.fp))
		return 0;
	up.pc = mh_strip(up.pc);
	up.sp = cfa;
	if (up.pc)
		*frame = up;
	return up.pc != 0;
}

/* ---- what was found before -------------------------------------------------------- */

/*
 * Finding a row takes some 2,000 instructions, and the same places come again and
 * again.  A row of what compilers usually write fits into half a word; the
 * other half tells exactly which place it is of, so that an entry is read and
 * written whole, by any thread and in any signal handler, without a lock.
 *
 * Only places in the executable and in our own object are kept: nobody closes
 * those while we run, so what was true of an address stays true.
 */
#ifndef UNWIND_KEPT
#define UNWIND_KEPT	1024	/* entries, a power of two up to this; 0: none */
#endif

/* A row in half a word: words between the frame's end and what was kept there. */
union kept {
	uint64_t word;
	struct {
		uint32_t place;		/* bytes from the begin of its object */
		uint32_t is_own : 1;	/* of which of the two objects */
		uint32_t by_fp : 1;	/* the end counts from the frame pointer */
		uint32_t end : 12;
		uint32_t ra : 9;	/* never 0: an entry of 0 is none */
		uint32_t fp : 9;	/* 0: the register still has it */
	};
};
_Static_assert(sizeof(union kept) == sizeof(uint64_t), "read and written whole");

static uint64_t kept[UNWIND_KEPT ? UNWIND_KEPT : 1];
static struct {
	uintptr_t start;
	uintptr_t extent;	/* 0: nothing of it is kept */
} lasting[2];

static void find_lasting(int which, uintptr_t address)
{
	struct mh_module module;

	if (!mh_module_find(address, &module) ||
	    module.end - module.start > UINT32_MAX)
		return;
	lasting[which].start = module.start;
	lasting[which].extent = module.end - module.start;
}

/* Which place is @address?  Return: 0 when nothing is kept of it. */
static int find_place(uintptr_t address, union kept *at)
{
	at->word = 0;
	for (unsigned int i = 0; i < 2; i++) {
		if (address - lasting[i].start >= lasting[i].extent)
			continue;
		at->place = (uint32_t)(address - lasting[i].start);
		at->is_own = i & 1;
		return 1;
	}
	return 0;
}

/* By the golden ratio: Knuth, The Art of Computer Programming 3, 6.4. */
static uint64_t *slot_of(const union kept *at)
{
	return &kept[(at->place + at->is_own) * 0x9e3779b1u >> (32 - 10) &
		     (sizeof(kept) / sizeof(kept[0]) - 1)];
}

/* @at: a place; filled in.  Return: 0 when its row is not there. */
static int look_up(union kept *at)
{
	const union kept found = {
		.word = __atomic_load_n(slot_of(at), __ATOMIC_RELAXED),
	};

	if (found.place != at->place || found.is_own != at->is_own || !found.ra)
		return 0;
	*at = found;
	return 1;
}

#define MOST_END	0xfffu
#define MOST_BELOW	0x1ffu

/* Below the frame's end, in words; 0: not so, or too far. */
static uint32_t words_below(const struct rule *rule)
{
	const uint64_t below = -rule->offset / sizeof(uintptr_t);

	return rule->how == RULE_AT_CFA && !(rule->offset % sizeof(uintptr_t)) &&
	       below <= MOST_BELOW ? (uint32_t)below : 0;
}

/* @at: a place.  What does not fit is found anew each time. */
static void keep(union kept at, const struct row *row)
{
	const uint64_t end = row->cfa_offset / sizeof(uintptr_t);
	const int fp_stays = row->fp.how == RULE_SAME ||
			     row->fp.how == RULE_UNDEFINED;

	at.by_fp = row->cfa_register == MH_DWARF_FP;
	at.end = end & MOST_END;
	at.ra = words_below(&row->ra) & MOST_BELOW;
	at.fp = words_below(&row->fp) & MOST_BELOW;
	if (row->cfa_expression.at || row->cfa_offset % sizeof(uintptr_t) ||
	    end > MOST_END || !at.ra || (!at.fp && !fp_stays) ||
	    (!at.by_fp && row->cfa_register != MH_DWARF_SP))
		return;
	__atomic_store_n(slot_of(&at), at.word, __ATOMIC_RELAXED);
}

static struct rule kept_rule(uint32_t words)
{
	return (struct rule){
		.how = words ? RULE_AT_CFA : RULE_SAME,
		.offset = -(uint64_t)words * sizeof(uintptr_t),
	};
}

static int apply_kept(union kept at, struct mh_frame *frame)
{
	const struct row row = {
		.cfa_register = at.by_fp ? MH_DWARF_FP : MH_DWARF_SP,
		.cfa_offset = at.end * sizeof(uintptr_t),
		.ra = kept_rule(at.ra),
		.fp = kept_rule(at.fp),
	};

	return apply(&row, frame);
}

MH_RUNTIME void mh_unwind_init(void)
{
	struct mh_module loader;
	void *end;

	mh_modules_init(&loader);
	find_lasting(0, getauxval(AT_ENTRY));
	find_lasting(1, (uintptr_t)mh_unwind_init);
	end = mh_next_symbol("__libc_stack_end");
	stack_end = end ? *(const uintptr_t *)end : 0;
}

MH_RUNTIME int mh_frame_up(struct mh_frame *frame)
{
	/* The call itself: a function that never returns may end behind it. */
	const uintptr_t address = frame->pc - 1;
	union kept at;
	struct fde fde;
	struct row row;
	int lasts;

	if (!frame->pc)
		return 0;
	lasts = UNWIND_KEPT && find_place(address, &at);
	if (lasts && look_up(&at))
		return apply_kept(at, frame);
	if (!find_fde(address, &fde) || fde.is_signal ||
	    !find_row(&fde, address, &row))
		return 0;
	if (lasts)
		keep(at, &row);
	return apply(&row, frame);
}

MH_RUNTIME int mh_function_range(uintptr_t address, uintptr_t *start,
				 uintptr_t *end)
{
	struct fde fde;

	if (!find_fde(address, &fde))
		return 0;
	*start = fde.start;
	*end = fde.end;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * shard.h - the file in which the shards of many processes lie
 *
 * Made whole by "mallochooks run" before any process starts, mapped shared by
 * each; the run reads it when they have ended, however they ended.
 */
#ifndef MH_SHARD_H
#define MH_SHARD_H

#include <stdint.h>

#define MH_SHARDS_MAGIC		0x73686d31u	/* "1mhs", little-endian */
#define MH_SHARDS_VERSION	1

/**
 * struct mh_shards_header - shard number 0
 * @magic:	MH_SHARDS_MAGIC
 * @version:	MH_SHARDS_VERSION
 * @stride:	bytes from shard to shard, this header included
 * @limit:	numbers below this one exist
 * @used:	number to be claimed next, from 1; may run past @limit, and then
 *		tells how many were wanted
 */
struct mh_shards_header {
	uint32_t magic;
	uint32_t version;
	uint32_t stride;
	uint32_t limit;
	uint32_t used;
	uint32_t reserved[11];
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the journal: what they hold, and a decoder that takes any bytes. */
#include "record.h"

#include <pdb/kms.h>

#include "little.h"

#define MAGIC  UINT32_C(0x4b424450) /* "PDBK" */
#define FORMAT 1u

static uint8_t *put_thread(uint8_t *at, pdb_slice thread)
{
	*at++ = (uint8_t)thread.len;
	return little_put(at, thread.ptr, thread.len);
}

static uint8_t *put_key(uint8_t *at, const pdb__record *record)
{
	at = little_put(at, record->id, PDB__WRAP_ID);
	at = little_put32(at, record->version);
	at = little_put32(at, record->kek_version);
	at = little_put32(at, record->kek_first);
	at = little_put64(at, (uint64_t)record->created);
	at = put_thread(at, record->thread);
	return little_put(at, record->blob.ptr, record->blob.len);
}

static uint8_t *put_destroy(uint8_t *at, const pdb__record *record)
{
	at = little_put(at, record->id, PDB__WRAP_ID);
	at = little_put32(at, record->version);
	at = little_put32(at, record->kek_first);
	at = little_put32(at, record->kek_last);
	at = little_put64(at, (uint64_t)record->created);
	at = little_put64(at, (uint64_t)record->changed);
	return put_thread(at, record->thread);
}

static uint8_t *put_begin(uint8_t *at, const pdb__record *record)
{
	at = little_put32(at, MAGIC);
	at = little_put32(at, FORMAT);
	at = little_put(at, record->id, PDB__WRAP_ID);
	at = little_put64(at, record->generation);
	return little_put(at, record->before, PDB__RECORD_MAC);
}

static uint8_t *put_kek(uint8_t *at, const pdb__record *record)
{
	at = little_put(at, record->id, PDB__WRAP_ID);
	at = little_put32(at, record->version);
	at = little_put32(at, record->state);
	at = little_put64(at, (uint64_t)record->created);
	return little_put64(at, (uint64_t)record->changed);
}

size_t pdb__journal_encode(const pdb__record *record, uint8_t *out)
{
	uint8_t *at = out;

	*at++ = (uint8_t)record->type;
	switch (record->type) {
	case PDB__RECORD_BEGIN:
		at = put_begin(at, record);
		break;
	case PDB__RECORD_KEY:
		at = put_key(at, record);
		break;
	case PDB__RECORD_DESTROY:
		at = put_destroy(at, record);
		break;
	case PDB__RECORD_KEK:
		at = put_kek(at, record);
		break;
	case PDB__RECORD_HOLD:
		at = little_put(at, record->id, PDB__WRAP_ID);
		*at++ = (uint8_t)record->state;
		at = little_put64(at, (uint64_t)record->changed);
		break;
	case PDB__RECORD_ROTATE:
	case PDB__RECORD_VERIFIED:
		at = little_put32(at, record->version);
		at = little_put64(at, (uint64_t)record->changed);
		break;
	}
	return (size_t)(at - out);
}

static pdb_slice take_thread(little_reader *reader)
{
	size_t len = (size_t)little_number(reader, 1);

	if (len > PDB__RECORD_THREAD_MAX) {
		reader->failed = true;
	}
	return little_take(reader, len);
}

static bool take_key(little_reader *reader, pdb__record *out)
{
	little_copy(reader, out->id, PDB__WRAP_ID);
	out->version = (uint32_t)little_number(reader, 4);
	out->kek_version = (uint32_t)little_number(reader, 4);
	out->kek_first = (uint32_t)little_number(reader, 4);
	out->created = (int64_t)little_number(reader, 8);
	out->thread = take_thread(reader);
	out->blob = little_take(reader, PDB__WRAP_SIZE);
	return out->version > 0 && out->kek_first > 0 && out->kek_first <= out->kek_version;
}

static bool take_destroy(little_reader *reader, pdb__record *out)
{
	little_copy(reader, out->id, PDB__WRAP_ID);
	out->version = (uint32_t)little_number(reader, 4);
	out->kek_first = (uint32_t)little_number(reader, 4);
	out->kek_last = (uint32_t)little_number(reader, 4);
	out->created = (int64_t)little_number(reader, 8);
	out->changed = (int64_t)little_number(reader, 8);
	out->thread = take_thread(reader);
	return out->kek_first > 0 && out->kek_first <= out->kek_last;
}

static bool take_begin(little_reader *reader, pdb__record *out)
{
	bool known = little_number(reader, 4) == MAGIC && little_number(reader, 4) == FORMAT;

	little_copy(reader, out->id, PDB__WRAP_ID);
	out->generation = little_number(reader, 8);
	little_copy(reader, out->before, PDB__RECORD_MAC);
	return known;
}

static bool take_kek(little_reader *reader, pdb__record *out)
{
	little_copy(reader, out->id, PDB__WRAP_ID);
	out->version = (uint32_t)little_number(reader, 4);
	out->state = (uint32_t)little_number(reader, 4);
	out->created = (int64_t)little_number(reader, 8);
	out->changed = (int64_t)little_number(reader, 8);
	return out->version > 0 && out->state >= PDB_KMS_KEK_STANDBY &&
	       out->state <= PDB_KMS_KEK_DESTROYED;
}

static bool take_hold(little_reader *reader, pdb__record *out)
{
	little_copy(reader, out->id, PDB__WRAP_ID);
	out->state = (uint32_t)little_number(reader, 1);
	out->changed = (int64_t)little_number(reader, 8);
	return out->state <= 1;
}

static bool take_step(little_reader *reader, pdb__record *out)
{
	out->version = (uint32_t)little_number(reader, 4);
	out->changed = (int64_t)little_number(reader, 8);
	return out->version > 0;
}

bool pdb__journal_decode(pdb_slice bytes, pdb__record *out)
{
	little_reader reader = {bytes, false};
	uint64_t type = little_number(&reader, 1);
	bool good = false;

	*out = (pdb__record){.type = (pdb__record_type)type};
	switch (type) {
	case PDB__RECORD_BEGIN:
		good = take_begin(&reader, out);
		break;
	case PDB__RECORD_KEY:
		good = take_key(&reader, out);
		break;
	case PDB__RECORD_DESTROY:
		good = take_destroy(&reader, out);
		break;
	case PDB__RECORD_KEK:
		good = take_kek(&reader, out);
		break;
	case PDB__RECORD_HOLD:
		good = take_hold(&reader, out);
		break;
	case PDB__RECORD_ROTATE:
	case PDB__RECORD_VERIFIED:
		good = take_step(&reader, out);
		break;
	default:
		break;
	}
	return good && little_ended(&reader);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a head, a request and an answer between a server and its KMS. */
#include <stdint.h>
#include <stdlib.h>

#include "base/host.h"
#include "wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pdb_host host = {
	PDB_HOST_BASE,
};

static void expect(bool good)
{
	if (!good) {
		abort();
	}
}

static void read_head(pdb_slice bytes)
{
	wire_head head;
	wire_head again;
	char text[WIRE_HEAD_MAX];
	size_t used = 0;
	size_t len;

	if (wire_head_read(bytes, &head, &used) != WIRE_DONE) {
		return;
	}
	expect(used <= bytes.len && head.body <= WIRE_BODY_MAX);
	len = wire_head_write(&head, text);
	expect(len < sizeof(text));
	expect(wire_head_read(pdb_slice_of(text, len), &again, &used) == WIRE_DONE && used == len);
	expect(again.request == head.request && again.op == head.op && again.body == head.body &&
	       again.close == head.close && again.proven == head.proven);
}

static void read_request(pdb_slice bytes)
{
	wire_buf again = {.host = &host};
	wire_request request;

	if (wire_request_read(bytes, &request)) {
		wire_request_write(&again, &request);
		expect(again.failed || pdb_slice_equal(pdb_slice_of(again.ptr, again.len), bytes));
	}
	wire_buf_fini(&again);
}

static void read_answer(pdb_slice bytes)
{
	wire_buf again = {.host = &host};
	wire_answer answer;
	uint8_t dek[PDB_KMS_DEK_SIZE];
	pdb_kms_key key = {.size = sizeof(key), .dek = dek};
	pdb_kms_kek kek;
	char name[64];
	double value;
	uint32_t count = 0;

	if (wire_answer_read(bytes, &answer)) {
		pdb_slice rows = answer.keys;

		while (wire_key_next(&rows, &key)) {
			count++;
		}
		expect(count == answer.key_count && rows.len == 0);
		rows = answer.keks;
		while (wire_kek_next(&rows, &kek)) {
			count++;
		}
		rows = answer.stats;
		while (wire_stat_next(&rows, name, &value)) {
			count++;
		}
		expect(count == answer.key_count + answer.kek_count + answer.stat_count);
		wire_answer_write(&again, &answer);
		expect(again.failed || pdb_slice_equal(pdb_slice_of(again.ptr, again.len), bytes));
	}
	wire_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pdb_slice bytes = pdb_slice_of(data, size);
	wire_token token;
	char text[300];
	wire_endpoint endpoint;
	pdb_err err = {0};

	read_head(bytes);
	read_request(bytes);
	read_answer(bytes);
	(void)wire_token_read(bytes, &token);
	if (size < sizeof(text)) {
		memcpy(text, data, size);
		text[size] = '\0';
		(void)wire_endpoint_read(text, &endpoint, &err);
	}
	return 0;
}

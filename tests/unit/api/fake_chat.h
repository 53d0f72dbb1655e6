/* SPDX-License-Identifier: Apache-2.0 */
/* A domain that records what it was asked and answers as it was told. */
#ifndef PDB_TEST_FAKE_CHAT_H
#define PDB_TEST_FAKE_CHAT_H

#include "chat/chat.h"

#define FAKE_INPUTS_MAX 16u

/* The last call. Slices are borrowed from the request, so look before it is reset. */
typedef struct fake_chat {
	unsigned calls;
	pdb_caller caller;
	pdb_slice thread;
	pdb_slice message;
	pdb_slice identity;
	pdb_slice reaction;
	pdb_thread_input thread_input;
	pdb_message_input inputs[FAKE_INPUTS_MAX];
	size_t input_count;
	pdb_thread_query thread_query;
	pdb_message_query message_query;
	bool with_deleted;
	uint32_t if_match;
	uint32_t version;

	/* what it answers */
	pdb_status answer;
	pdb_outcome outcome;
	const char *cursor;
} fake_chat;

extern fake_chat asked;

#endif

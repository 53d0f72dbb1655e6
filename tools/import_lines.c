/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the lines of an import into its plan. */
#include "tools/import_private.h"

/* What may wait in memory; enough that a thread's lines, which mostly stand together, meet. */
#define WINDOW_BYTES    ((uint64_t)16 * 1024 * 1024)
#define WINDOW_MESSAGES 16384u

static pdb_status add_line(pdb_import *run, pdb_slice text, uint64_t offset, pdb_err *err)
{
	uint64_t number = pdb_input_line_number(run->input);
	pdb_plan_thread *thread;
	pdb_line line;
	pdb_status status = pdb_line_read(&line, text, err);

	if (status != PDB_OK) {
		return status;
	}
	thread = pdb_plan_thread_get(&run->plan, line.thread);
	if (thread == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another thread");
	}
	thread->ordinal++;
	if (offset < run->skip_to || line.deleted) {
		run->skipped += line.deleted;
		return PDB_OK;
	}
	if (line.id[0] == '\0') {
		pdb_line_derive_id(&line, thread->ordinal, text);
	}
	return pdb_plan_add(&run->plan, thread, &line, offset, number, err);
}

/* A line of a full export. Its lines are stored or known when the server has seen them. */
static pdb_status add_full_line(pdb_import *run, pdb_slice text, uint64_t offset, pdb_err *err)
{
	uint64_t number = pdb_input_line_number(run->input);
	pdb_plan_thread *thread;
	pdb_status status =
		run->full_ended ? pdb_err_set(err, PDB_EINVAL, NULL, "nothing may follow the end")
				: pdb_full_read(&run->line, text, err);

	if (status != PDB_OK) {
		return status;
	}
	if (run->line.kind == PDB_FULL_END) {
		run->full_ended = run->line.lines == run->full_lines;
		return run->full_ended
			       ? PDB_OK
			       : pdb_err_set(err, PDB_EINVAL, NULL,
					     "the file has %llu lines of threads and should have "
					     "%llu: it is not whole",
					     (unsigned long long)run->full_lines,
					     (unsigned long long)run->line.lines);
	}
	run->full_lines++;
	thread = pdb_plan_thread_get(&run->plan, run->line.thread);
	if (thread == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another thread");
	}
	if (offset < run->skip_to) {
		return PDB_OK;
	}
	return pdb_plan_add_json(&run->plan, thread, pdb_buf_slice(&run->line.json), offset, number,
				 err);
}

/* The first line says what the file is. */
static pdb_status take_line(pdb_import *run, pdb_slice text, uint64_t offset, pdb_err *err)
{
	pdb_status status;

	if (!run->begun) {
		run->begun = true;
		status = pdb_full_is_head(text, &run->full, err);
		if (status != PDB_OK || run->full) {
			run->plan.list = "lines";
			run->progress.item = "lines";
			return status;
		}
	}
	return run->full ? add_full_line(run, text, offset, err) : add_line(run, text, offset, err);
}

static pdb_status judge_end(const pdb_import *run, pdb_err *err)
{
	return !run->full || run->full_ended
		       ? PDB_OK
		       : pdb_err_set(err, PDB_EINVAL, NULL,
				     "the last line, the end, is missing: the file is not whole");
}

static bool is_blank(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ' && text.ptr[i] != '\t') {
			return false;
		}
	}
	return true;
}

void pdb__import_fill(pdb_import *run)
{
	pdb_status status = PDB_OK;
	pdb_err err = {0};

	while (!run->input_ended && !run->stopping && run->plan.bytes < WINDOW_BYTES &&
	       run->plan.messages < WINDOW_MESSAGES) {
		uint64_t offset = pdb_input_offset(run->input);
		pdb_slice text;

		status = pdb_input_line(run->input, &text, &err);
		if (status == PDB_ESTOP) {
			run->input_ended = true;
			status = judge_end(run, &err);
		} else if (status == PDB_OK && !is_blank(text)) {
			status = take_line(run, text, offset, &err);
		}
		if (status != PDB_OK) {
			(void)pdb_err_wrap(&err, "%s:%llu", run->path,
					   (unsigned long long)pdb_input_line_number(run->input));
			pdb__import_fail(run, PDB_EXIT_USAGE, err.text);
		}
	}
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The host table: what plugins may call, put together from the rooms. */
#include "base/host.h"
#include "base/json.h"
#include "measure/measure.h"
#include "server/server_private.h"
#include "store/rows.h"

static const pdb_host_metrics host_metrics = {
	.size = sizeof(pdb_host_metrics),
	.add = pdb_host_add_metric,
	.series = pdb_measure_series,
	.add_to = pdb_series_add,
	.set = pdb_series_set,
	.observe = pdb_series_observe,
	.each = pdb_measure_each,
};

static const pdb_host_json host_json = {
	.size = sizeof(pdb_host_json),
	.check = pdb_json_check,
	.next = pdb_json_next,
	.key_is = pdb_json_key_equals,
};

const pdb_host pdb__host = {
	PDB_HOST_BASE,
	.add_gate = pdb_host_add_gate,
	.add_route = pdb_host_add_route,
	.add_record_hook = pdb_host_add_record_hook,
	.add_listener = pdb_host_add_listener,
	.add_job = pdb_host_add_job,
	.request_method = pdb_request_method,
	.request_path = pdb_request_path,
	.request_param = pdb_request_param,
	.request_query = pdb_request_query,
	.request_header = pdb_request_header,
	.request_body = pdb_request_body,
	.request_peer = pdb_request_peer,
	.request_id = pdb_request_id,
	.request_alloc = pdb_request_alloc,
	.request_set_identity = pdb_request_set_identity,
	.request_role = pdb_request_role,
	.request_user = pdb_request_user,
	.request_add_header = pdb_request_add_header,
	.request_reply = pdb_request_reply,
	.request_may_block = pdb_request_may_block,
	.record_thread = pdb_record_thread,
	.record_message = pdb_record_message,
	.record_author = pdb_record_author,
	.record_role = pdb_record_role,
	.record_version = pdb_record_version,
	.record_body = pdb_record_body,
	.record_set_body = pdb_record_set_body,
	.record_attachment = pdb_record_attachment,
	.record_set_attachment = pdb_record_set_attachment,
	.record_may_block = pdb_record_may_block,
	.change_kind = pdb_change_kind_of,
	.change_position = pdb_change_position,
	.change_thread = pdb_change_thread,
	.change_message = pdb_change_message,
	.change_seq = pdb_change_seq,
	.change_version = pdb_change_version,
	.job_state = pdb_job_state,
	.job_save = pdb_job_save,
	.job_progress = pdb_job_progress,
	.job_done = pdb_job_done,
	.job_start = pdb_job_start,
	.rows = &pdb_rows_table,
	.metrics = &host_metrics,
	.kms = &pdb__host_kms,
	.request_route = pdb_request_route,
	.request_status = pdb_request_status,
	.request_key = pdb_request_key,
	.request_set_peer = pdb_request_set_peer,
	.request_socket_peer = pdb_request_socket_peer,
	.request_listener = pdb_request_listener,
	.request_certificate = pdb_request_certificate,
	.request_certificate_name = pdb_request_certificate_name,
	.request_header_at = pdb_request_header_at,
	.record_thread_note = pdb_record_thread_note,
	.record_set_thread_note = pdb_record_set_thread_note,
	.json = &host_json,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and offsets of everything transparent in the SDK: a change here is a change of the ABI. */
#include <pdb/pdb.h>

/*
 * To add a field at the end of a table, raise the minor number in pdb/abi.h, write the change into
 * the log there, and add the line here. Whatever moves a line that is here raises the major number.
 */
#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " changed its size")
#define AT(type, field, place)                                                                     \
	_Static_assert(offsetof(type, field) == (place), #type "." #field " moved")
#define VALUE(name, value) _Static_assert((int)(name) == (value), #name " changed its value")

_Static_assert(sizeof(void *) == 8, "the numbers below are for 64 bits");

SIZE(pdb_slice, 16);
AT(pdb_slice, ptr, 0);
AT(pdb_slice, len, 8);

SIZE(pdb_address, 20);
AT(pdb_address, family, 0);
AT(pdb_address, bytes, 4);

SIZE(pdb_network, 24);
AT(pdb_network, address, 0);
AT(pdb_network, bits, 20);

SIZE(pdb_err, 784);
AT(pdb_err, status, 0);
AT(pdb_err, code, 8);
AT(pdb_err, field, 16);
AT(pdb_err, text, 272);

SIZE(pdb_option_list, 16);
AT(pdb_option_list, items, 0);
AT(pdb_option_list, count, 8);

SIZE(pdb_option, 80);
AT(pdb_option, key, 0);
AT(pdb_option, type, 8);
AT(pdb_option, flags, 12);
AT(pdb_option, offset, 16);
AT(pdb_option, fallback, 24);
AT(pdb_option, min, 32);
AT(pdb_option, max, 40);
AT(pdb_option, choices, 48);
AT(pdb_option, unit, 56);
AT(pdb_option, env, 64);
AT(pdb_option, help, 72);

SIZE(pdb_option_table, 32);
AT(pdb_option_table, rows, 0);
AT(pdb_option_table, count, 8);
AT(pdb_option_table, stride, 16);
AT(pdb_option_table, settings_size, 24);

SIZE(pdb_extension_ops, 48);
AT(pdb_extension_ops, size, 0);
AT(pdb_extension_ops, init, 8);
AT(pdb_extension_ops, start, 16);
AT(pdb_extension_ops, reload, 24);
AT(pdb_extension_ops, stop, 32);
AT(pdb_extension_ops, fini, 40);

SIZE(pdb_manifest, 96);
AT(pdb_manifest, magic, 0);
AT(pdb_manifest, abi_major, 4);
AT(pdb_manifest, abi_minor, 6);
AT(pdb_manifest, size, 8);
AT(pdb_manifest, kind, 12);
AT(pdb_manifest, name, 16);
AT(pdb_manifest, version, 24);
AT(pdb_manifest, license, 32);
AT(pdb_manifest, description, 40);
AT(pdb_manifest, options, 48);
AT(pdb_manifest, check, 80);
AT(pdb_manifest, ops, 88);

SIZE(pdb_gate, 40);
AT(pdb_gate, size, 0);
AT(pdb_gate, phase, 4);
AT(pdb_gate, name, 8);
AT(pdb_gate, enter, 16);
AT(pdb_gate, decorate, 24);
AT(pdb_gate, leave, 32);

SIZE(pdb_route, 32);
AT(pdb_route, size, 0);
AT(pdb_route, method, 4);
AT(pdb_route, pattern, 8);
AT(pdb_route, roles, 16);
AT(pdb_route, flags, 20);
AT(pdb_route, handle, 24);

SIZE(pdb_record_hook, 72);
AT(pdb_record_hook, size, 0);
AT(pdb_record_hook, order, 4);
AT(pdb_record_hook, name, 8);
AT(pdb_record_hook, tag, 16);
AT(pdb_record_hook, in, 24);
AT(pdb_record_hook, out, 32);
AT(pdb_record_hook, purge, 40);
AT(pdb_record_hook, show, 48);
AT(pdb_record_hook, head, 56);
AT(pdb_record_hook, ahead, 64);

SIZE(pdb_listener, 24);
AT(pdb_listener, size, 0);
AT(pdb_listener, name, 8);
AT(pdb_listener, told, 16);

SIZE(pdb_job, 32);
AT(pdb_job, size, 0);
AT(pdb_job, name, 8);
AT(pdb_job, period, 16);
AT(pdb_job, step, 24);

SIZE(pdb_key, 32);
AT(pdb_key, partition, 0);
AT(pdb_key, bytes, 16);

SIZE(pdb_range, 64);
AT(pdb_range, partition, 0);
AT(pdb_range, from, 16);
AT(pdb_range, to, 32);
AT(pdb_range, limit, 48);
AT(pdb_range, reverse, 56);

SIZE(pdb_storage_params, 48);
AT(pdb_storage_params, size, 0);
AT(pdb_storage_params, host, 8);
AT(pdb_storage_params, directory, 16);
AT(pdb_storage_params, settings, 24);
AT(pdb_storage_params, inner, 32);
AT(pdb_storage_params, inner_settings, 40);

SIZE(pdb_storage_ops, 128);
AT(pdb_storage_ops, size, 0);
AT(pdb_storage_ops, capabilities, 4);
AT(pdb_storage_ops, open, 8);
AT(pdb_storage_ops, close, 16);
AT(pdb_storage_ops, begin, 24);
AT(pdb_storage_ops, get, 32);
AT(pdb_storage_ops, put, 40);
AT(pdb_storage_ops, insert, 48);
AT(pdb_storage_ops, remove, 56);
AT(pdb_storage_ops, scan, 64);
AT(pdb_storage_ops, commit, 72);
AT(pdb_storage_ops, abort, 80);
AT(pdb_storage_ops, sync, 88);
AT(pdb_storage_ops, backup, 96);
AT(pdb_storage_ops, stats, 104);
AT(pdb_storage_ops, check, 112);
AT(pdb_storage_ops, files, 120);

SIZE(pdb_host_rows, 40);
AT(pdb_host_rows, size, 0);
AT(pdb_host_rows, put, 8);
AT(pdb_host_rows, remove, 16);
AT(pdb_host_rows, get, 24);
AT(pdb_host_rows, scan, 32);

SIZE(pdb_kms_key, 256);
AT(pdb_kms_key, size, 0);
AT(pdb_kms_key, state, 4);
AT(pdb_kms_key, dek_version, 8);
AT(pdb_kms_key, newest, 12);
AT(pdb_kms_key, kek_version, 16);
AT(pdb_kms_key, held, 20);
AT(pdb_kms_key, created, 24);
AT(pdb_kms_key, dek, 32);
AT(pdb_kms_key, id, 40);
AT(pdb_kms_key, kek_id, 80);
AT(pdb_kms_key, thread, 120);

SIZE(pdb_kms_kek, 72);
AT(pdb_kms_kek, size, 0);
AT(pdb_kms_kek, version, 4);
AT(pdb_kms_kek, state, 8);
AT(pdb_kms_kek, reserved, 12);
AT(pdb_kms_kek, keys, 16);
AT(pdb_kms_kek, created, 24);
AT(pdb_kms_kek, id, 32);

SIZE(pdb_kms_progress, 72);
AT(pdb_kms_progress, size, 0);
AT(pdb_kms_progress, finished, 4);
AT(pdb_kms_progress, done, 8);
AT(pdb_kms_progress, total, 16);
AT(pdb_kms_progress, failed, 24);
AT(pdb_kms_progress, cursor, 32);

SIZE(pdb_kms_shred, 32);
AT(pdb_kms_shred, size, 0);
AT(pdb_kms_shred, state, 4);
AT(pdb_kms_shred, kek_version, 8);
AT(pdb_kms_shred, reserved, 12);
AT(pdb_kms_shred, destroyed, 16);
AT(pdb_kms_shred, final, 24);

SIZE(pdb_kms_health, 32);
AT(pdb_kms_health, size, 0);
AT(pdb_kms_health, kek_version, 4);
AT(pdb_kms_health, locked, 8);
AT(pdb_kms_health, refuses, 12);
AT(pdb_kms_health, keys, 16);
AT(pdb_kms_health, outdated, 24);

SIZE(pdb_kms_params, 40);
AT(pdb_kms_params, size, 0);
AT(pdb_kms_params, host, 8);
AT(pdb_kms_params, directory, 16);
AT(pdb_kms_params, settings, 24);
AT(pdb_kms_params, database_id, 32);

SIZE(pdb_kms_ops, 216);
AT(pdb_kms_ops, size, 0);
AT(pdb_kms_ops, capabilities, 4);
AT(pdb_kms_ops, open, 8);
AT(pdb_kms_ops, close, 16);
AT(pdb_kms_ops, create, 24);
AT(pdb_kms_ops, prepare, 32);
AT(pdb_kms_ops, claim, 40);
AT(pdb_kms_ops, unwrap, 48);
AT(pdb_kms_ops, add_version, 56);
AT(pdb_kms_ops, describe, 64);
AT(pdb_kms_ops, destroy, 72);
AT(pdb_kms_ops, rotate_kek, 80);
AT(pdb_kms_ops, add_kek, 88);
AT(pdb_kms_ops, set_kek, 96);
AT(pdb_kms_ops, rewrap_key, 104);
AT(pdb_kms_ops, rewrap, 112);
AT(pdb_kms_ops, verify, 120);
AT(pdb_kms_ops, retire, 128);
AT(pdb_kms_ops, shred_status, 136);
AT(pdb_kms_ops, receipt, 144);
AT(pdb_kms_ops, each, 152);
AT(pdb_kms_ops, keks, 160);
AT(pdb_kms_ops, health, 168);
AT(pdb_kms_ops, stats, 176);
AT(pdb_kms_ops, hold, 184);
AT(pdb_kms_ops, wrapped, 192);
AT(pdb_kms_ops, restore, 200);
AT(pdb_kms_ops, reload, 208);

SIZE(pdb_host_kms, 32);
AT(pdb_host_kms, size, 0);
AT(pdb_host_kms, provider, 8);
AT(pdb_host_kms, database_id, 16);
AT(pdb_host_kms, answers, 24);

SIZE(pdb_job_view, 128);
AT(pdb_job_view, size, 0);
AT(pdb_job_view, state, 4);
AT(pdb_job_view, id, 8);
AT(pdb_job_view, name, 16);
AT(pdb_job_view, params, 24);
AT(pdb_job_view, result, 40);
AT(pdb_job_view, error, 56);
AT(pdb_job_view, done, 64);
AT(pdb_job_view, total, 72);
AT(pdb_job_view, created_ts, 80);
AT(pdb_job_view, started_ts, 88);
AT(pdb_job_view, ended_ts, 96);
AT(pdb_job_view, runs, 104);
AT(pdb_job_view, failures, 112);
AT(pdb_job_view, period, 120);

SIZE(pdb_host_jobs, 88);
AT(pdb_host_jobs, size, 0);
AT(pdb_host_jobs, submit, 8);
AT(pdb_host_jobs, cancel, 16);
AT(pdb_host_jobs, view, 24);
AT(pdb_host_jobs, each, 32);
AT(pdb_host_jobs, id, 40);
AT(pdb_host_jobs, params, 48);
AT(pdb_host_jobs, stopping, 56);
AT(pdb_host_jobs, set_result, 64);
AT(pdb_host_jobs, rest, 72);
AT(pdb_host_jobs, pace, 80);

SIZE(pdb_thread_view, 96);
AT(pdb_thread_view, size, 0);
AT(pdb_thread_view, deleted, 4);
AT(pdb_thread_view, held, 5);
AT(pdb_thread_view, cursor, 8);
AT(pdb_thread_view, id, 24);
AT(pdb_thread_view, author, 40);
AT(pdb_thread_view, last_seq, 56);
AT(pdb_thread_view, message_count, 64);
AT(pdb_thread_view, created_ts, 72);
AT(pdb_thread_view, last_ts, 80);
AT(pdb_thread_view, deleted_ts, 88);

SIZE(pdb_message_view, 104);
AT(pdb_message_view, size, 0);
AT(pdb_message_view, deleted, 4);
AT(pdb_message_view, version, 8);
AT(pdb_message_view, cursor, 16);
AT(pdb_message_view, id, 32);
AT(pdb_message_view, author, 48);
AT(pdb_message_view, seq, 64);
AT(pdb_message_view, ts, 72);
AT(pdb_message_view, edited_ts, 80);
AT(pdb_message_view, reactions, 88);

SIZE(pdb_deletion, 64);
AT(pdb_deletion, size, 0);
AT(pdb_deletion, cursor, 8);
AT(pdb_deletion, thread, 24);
AT(pdb_deletion, message, 40);
AT(pdb_deletion, deleted_ts, 56);

SIZE(pdb_piece, 272);
AT(pdb_piece, size, 0);
AT(pdb_piece, more, 4);
AT(pdb_piece, done, 8);
AT(pdb_piece, cursor, 16);

SIZE(pdb_host_domain, 128);
AT(pdb_host_domain, size, 0);
AT(pdb_host_domain, threads, 8);
AT(pdb_host_domain, threads_of, 16);
AT(pdb_host_domain, messages, 24);
AT(pdb_host_domain, deletions, 32);
AT(pdb_host_domain, purge_message, 40);
AT(pdb_host_domain, purge_thread, 48);
AT(pdb_host_domain, erase_user, 56);
AT(pdb_host_domain, rewrite, 64);
AT(pdb_host_domain, thread, 72);
AT(pdb_host_domain, latest, 80);
AT(pdb_host_domain, show_thread, 88);
AT(pdb_host_domain, show_versions, 96);
AT(pdb_host_domain, export_thread, 104);
AT(pdb_host_domain, import_thread, 112);
AT(pdb_host_domain, threads_touched, 120);

SIZE(pdb_backup_params, 40);
AT(pdb_backup_params, size, 0);
AT(pdb_backup_params, keep, 4);
AT(pdb_backup_params, directory, 8);
AT(pdb_backup_params, full, 16);
AT(pdb_backup_params, progress, 24);
AT(pdb_backup_params, arg, 32);

SIZE(pdb_backup_result, 176);
AT(pdb_backup_result, size, 0);
AT(pdb_backup_result, name, 4);
AT(pdb_backup_result, made_ts, 72);
AT(pdb_backup_result, position, 80);
AT(pdb_backup_result, bytes, 88);
AT(pdb_backup_result, written, 96);
AT(pdb_backup_result, key, 104);

SIZE(pdb_storage_file, 32);
AT(pdb_storage_file, size, 0);
AT(pdb_storage_file, fd, 4);
AT(pdb_storage_file, name, 8);
AT(pdb_storage_file, bytes, 16);
AT(pdb_storage_file, total, 24);

SIZE(pdb_host, 568);
AT(pdb_host, size, 0);
AT(pdb_host, alloc, 8);
AT(pdb_host, realloc, 16);
AT(pdb_host, free, 24);
AT(pdb_host, log, 32);
AT(pdb_host, fatal, 40);
AT(pdb_host, now, 48);
AT(pdb_host, monotonic, 56);
AT(pdb_host, random, 64);
AT(pdb_host, add_gate, 72);
AT(pdb_host, add_route, 80);
AT(pdb_host, add_record_hook, 88);
AT(pdb_host, add_listener, 96);
AT(pdb_host, add_job, 104);
AT(pdb_host, request_method, 112);
AT(pdb_host, request_path, 120);
AT(pdb_host, request_param, 128);
AT(pdb_host, request_query, 136);
AT(pdb_host, request_header, 144);
AT(pdb_host, request_body, 152);
AT(pdb_host, request_peer, 160);
AT(pdb_host, request_id, 168);
AT(pdb_host, request_alloc, 176);
AT(pdb_host, request_set_identity, 184);
AT(pdb_host, request_role, 192);
AT(pdb_host, request_user, 200);
AT(pdb_host, request_add_header, 208);
AT(pdb_host, request_reply, 216);
AT(pdb_host, request_may_block, 224);
AT(pdb_host, record_thread, 232);
AT(pdb_host, record_message, 240);
AT(pdb_host, record_author, 248);
AT(pdb_host, record_role, 256);
AT(pdb_host, record_version, 264);
AT(pdb_host, record_body, 272);
AT(pdb_host, record_set_body, 280);
AT(pdb_host, record_attachment, 288);
AT(pdb_host, record_set_attachment, 296);
AT(pdb_host, record_may_block, 304);
AT(pdb_host, change_kind, 312);
AT(pdb_host, change_position, 320);
AT(pdb_host, change_thread, 328);
AT(pdb_host, change_message, 336);
AT(pdb_host, change_seq, 344);
AT(pdb_host, change_version, 352);
AT(pdb_host, job_state, 360);
AT(pdb_host, job_save, 368);
AT(pdb_host, job_progress, 376);
AT(pdb_host, job_done, 384);
AT(pdb_host, job_start, 392);
AT(pdb_host, rows, 400);
AT(pdb_host, metrics, 408);
AT(pdb_host, kms, 416);
AT(pdb_host, request_route, 424);
AT(pdb_host, request_status, 432);
AT(pdb_host, request_key, 440);
AT(pdb_host, request_set_peer, 448);
AT(pdb_host, request_socket_peer, 456);
AT(pdb_host, request_listener, 464);
AT(pdb_host, request_certificate, 472);
AT(pdb_host, request_certificate_name, 480);
AT(pdb_host, request_header_at, 488);
AT(pdb_host, record_thread_note, 496);
AT(pdb_host, record_set_thread_note, 504);
AT(pdb_host, json, 512);
AT(pdb_host, control, 520);
AT(pdb_host, jobs, 528);
AT(pdb_host, domain, 536);
AT(pdb_host, record_make_body, 544);
AT(pdb_host, record_make_attachment, 552);
AT(pdb_host, monotonic_coarse, 560);

SIZE(pdb_host_json, 32);
AT(pdb_host_json, size, 0);
AT(pdb_host_json, check, 8);
AT(pdb_host_json, next, 16);
AT(pdb_host_json, key_is, 24);

SIZE(pdb_metric, 64);
AT(pdb_metric, size, 0);
AT(pdb_metric, kind, 4);
AT(pdb_metric, name, 8);
AT(pdb_metric, unit, 16);
AT(pdb_metric, help, 24);
AT(pdb_metric, labels, 32);
AT(pdb_metric, bounds, 40);
AT(pdb_metric, bound_count, 48);
AT(pdb_metric, series_max, 52);
AT(pdb_metric, read, 56);

SIZE(pdb_reading, 48);
AT(pdb_reading, size, 0);
AT(pdb_reading, of_metric, 4);
AT(pdb_reading, owner, 8);
AT(pdb_reading, metric, 16);
AT(pdb_reading, values, 24);
AT(pdb_reading, value, 32);
AT(pdb_reading, counts, 40);

SIZE(pdb_host_metrics, 56);
AT(pdb_host_metrics, size, 0);
AT(pdb_host_metrics, add, 8);
AT(pdb_host_metrics, series, 16);
AT(pdb_host_metrics, add_to, 24);
AT(pdb_host_metrics, set, 32);
AT(pdb_host_metrics, observe, 40);
AT(pdb_host_metrics, each, 48);

SIZE(pdb_host_control, 120);
AT(pdb_host_control, size, 0);
AT(pdb_host_control, version, 8);
AT(pdb_host_control, database_id, 16);
AT(pdb_host_control, uptime, 24);
AT(pdb_host_control, reload, 32);
AT(pdb_host_control, log_level, 40);
AT(pdb_host_control, set_log_level, 48);
AT(pdb_host_control, stats, 56);
AT(pdb_host_control, config, 64);
AT(pdb_host_control, routes, 72);
AT(pdb_host_control, audit, 80);
AT(pdb_host_control, keys, 88);
AT(pdb_host_control, view, 96);
AT(pdb_host_control, backup, 104);
AT(pdb_host_control, directory, 112);

VALUE(PDB_MANIFEST_MAGIC, 0x50424450);
VALUE(PDB_KIND_EXTENSION, 1);
VALUE(PDB_KIND_STORAGE, 2);
VALUE(PDB_KIND_KMS, 3);

VALUE(PDB_OK, 0);
VALUE(PDB_EINVAL, -1);
VALUE(PDB_EUNAUTHENTICATED, -2);
VALUE(PDB_EDENIED, -3);
VALUE(PDB_ENOTFOUND, -4);
VALUE(PDB_EMETHOD, -5);
VALUE(PDB_ETIMEOUT, -6);
VALUE(PDB_EEXISTS, -7);
VALUE(PDB_ESTALE, -8);
VALUE(PDB_ETOOLARGE, -9);
VALUE(PDB_EMEDIA, -10);
VALUE(PDB_ERULE, -11);
VALUE(PDB_ETOOMANY, -12);
VALUE(PDB_EINTERNAL, -13);
VALUE(PDB_ENOTSUP, -14);
VALUE(PDB_EUNAVAILABLE, -15);
VALUE(PDB_EBUSY, -16);
VALUE(PDB_ENOMEM, -17);
VALUE(PDB_ECONFLICT, -18);
VALUE(PDB_EUNCERTAIN, -19);
VALUE(PDB_EFULL, -20);
VALUE(PDB_ECORRUPT, -21);
VALUE(PDB_EBACKEND, -22);
VALUE(PDB_EABI, -23);
VALUE(PDB_ESTOP, -24);
VALUE(PDB_EOFFLOAD, -25);

VALUE(PDB_ROLE_NONE, 0);
VALUE(PDB_ROLE_FRONTEND, 0x1);
VALUE(PDB_ROLE_BACKEND, 0x2);
VALUE(PDB_ROLE_ADMIN, 0x4);

VALUE(PDB_METHOD_GET, 0x1);
VALUE(PDB_METHOD_HEAD, 0x2);
VALUE(PDB_METHOD_POST, 0x4);
VALUE(PDB_METHOD_PUT, 0x8);
VALUE(PDB_METHOD_DELETE, 0x10);
VALUE(PDB_METHOD_OPTIONS, 0x20);
VALUE(PDB_METHOD_PATCH, 0x40);

VALUE(PDB_PHASE_TRACE, 50);
VALUE(PDB_PHASE_ORIGIN, 100);
VALUE(PDB_PHASE_ADDRESS, 200);
VALUE(PDB_PHASE_GUARD, 250);
VALUE(PDB_PHASE_IDENTITY, 300);
VALUE(PDB_PHASE_RATE, 400);

VALUE(PDB_LISTENER_MAIN, 0);
VALUE(PDB_LISTENER_ADMIN, 1);

VALUE(PDB_ROLES_ALL, 0x7);
VALUE(PDB_ROLES_PUBLIC, 0x8);
VALUE(PDB_ROUTE_BLOCKING, 0x1);

VALUE(PDB_CHANGE_THREAD_CREATED, 1);
VALUE(PDB_CHANGE_THREAD_UPDATED, 2);
VALUE(PDB_CHANGE_THREAD_DELETED, 3);
VALUE(PDB_CHANGE_THREAD_RESTORED, 4);
VALUE(PDB_CHANGE_MESSAGE_APPENDED, 5);
VALUE(PDB_CHANGE_MESSAGE_EDITED, 6);
VALUE(PDB_CHANGE_MESSAGE_DELETED, 7);
VALUE(PDB_CHANGE_MESSAGE_RESTORED, 8);
VALUE(PDB_CHANGE_REACTION_SET, 9);
VALUE(PDB_CHANGE_REACTION_REMOVED, 10);

VALUE(PDB_OPTION_BOOL, 1);
VALUE(PDB_OPTION_INT, 2);
VALUE(PDB_OPTION_SIZE, 3);
VALUE(PDB_OPTION_DURATION, 4);
VALUE(PDB_OPTION_STRING, 5);
VALUE(PDB_OPTION_PATH, 6);
VALUE(PDB_OPTION_ENUM, 7);
VALUE(PDB_OPTION_LIST, 8);
VALUE(PDB_OPTION_TREE, 9);

VALUE(PDB_OPTION_RELOADABLE, 0x1);
VALUE(PDB_OPTION_SECRET, 0x2);
VALUE(PDB_OPTION_REQUIRED, 0x4);

VALUE(PDB_METRIC_COUNTER, 1);
VALUE(PDB_METRIC_GAUGE, 2);
VALUE(PDB_METRIC_HISTOGRAM, 3);

VALUE(PDB_LOG_ERROR, 0);
VALUE(PDB_LOG_WARN, 1);
VALUE(PDB_LOG_INFO, 2);
VALUE(PDB_LOG_DEBUG, 3);

VALUE(PDB_RELOAD_CHANGED, 1);
VALUE(PDB_RELOAD_KEPT, 2);
VALUE(PDB_RELOAD_PROBLEM, 3);
VALUE(PDB_RELOAD_REFUSED, 4);

VALUE(PDB_STORAGE_BLOCKING, 0x1);
VALUE(PDB_STORAGE_GLOBAL_SCAN, 0x2);
VALUE(PDB_STORAGE_VOLATILE, 0x4);
VALUE(PDB_STORAGE_DIRECTORY, 0x8);

VALUE(PDB_KMS_ID_SIZE, 40);
VALUE(PDB_KMS_THREAD_SIZE, 136);
VALUE(PDB_KMS_DEK_SIZE, 32);
VALUE(PDB_KMS_BLOCKING, 0x1);
VALUE(PDB_KMS_KEY_PREPARED, 1);
VALUE(PDB_KMS_KEY_BOUND, 2);
VALUE(PDB_KMS_KEY_DESTROYED, 3);
VALUE(PDB_KMS_KEK_STANDBY, 1);
VALUE(PDB_KMS_KEK_ACTIVE, 2);
VALUE(PDB_KMS_KEK_DECRYPT_ONLY, 3);
VALUE(PDB_KMS_KEK_DISABLED, 4);
VALUE(PDB_KMS_KEK_DESTROYED, 5);
VALUE(PDB_KMS_SHRED_LIVE, 0);
VALUE(PDB_KMS_SHRED_LOGICAL, 1);
VALUE(PDB_KMS_SHRED_FINAL, 2);

/* SPDX-License-Identifier: Apache-2.0 */
/* Registration: the calls of the host table by which a plugin plugs itself in. */
#include "measure/measure.h"
#include "plugin/plugin_private.h"

static pdb_status may_register(const pdb_plugin *plugin, pdb_err *err)
{
	if (plugin == NULL || plugin->stage != PDB_STAGE_REGISTERING) {
		return pdb_err_set(err, PDB_EABI, NULL, "a plugin can register only in its init()");
	}
	return PDB_OK;
}

static pdb_status add(pdb_plugin *plugin, pdb_socket_kind kind, const void *ops, void *self,
		      pdb_err *err)
{
	pdb_status status = may_register(plugin, err);

	return status == PDB_OK ? pdb_sockets_add(plugin->sockets, kind, plugin->manifest->name,
						  ops, self, err)
				: status;
}

pdb_status pdb_host_add_gate(pdb_plugin *plugin, const pdb_gate *gate, void *self, pdb_err *err)
{
	return add(plugin, PDB_SOCKET_GATE, gate, self, err);
}

pdb_status pdb_host_add_route(pdb_plugin *plugin, const pdb_route *route, void *self, pdb_err *err)
{
	return add(plugin, PDB_SOCKET_ROUTE, route, self, err);
}

pdb_status pdb_host_add_record_hook(pdb_plugin *plugin, const pdb_record_hook *hook, void *self,
				    pdb_err *err)
{
	return add(plugin, PDB_SOCKET_RECORD, hook, self, err);
}

pdb_status pdb_host_add_listener(pdb_plugin *plugin, const pdb_listener *listener, void *self,
				 pdb_err *err)
{
	return add(plugin, PDB_SOCKET_LISTENER, listener, self, err);
}

pdb_status pdb_host_add_job(pdb_plugin *plugin, const pdb_job *job, void *self, pdb_err *err)
{
	return add(plugin, PDB_SOCKET_JOB, job, self, err);
}

pdb_status pdb_host_add_metric(pdb_plugin *plugin, const pdb_metric *metric, void *self,
			       pdb_measure **out, pdb_err *err)
{
	pdb_status status = may_register(plugin, err);

	return status == PDB_OK ? pdb_measure_add(plugin->manifest->name, metric, self, out, err)
				: status;
}

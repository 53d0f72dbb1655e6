/* SPDX-License-Identifier: Apache-2.0 */
/* The loader: finds plugins by name, keeps them, and leads extensions through their life. */
#include "plugin/loader.h"

#include "base/mem.h"
#include "plugin/plugin_private.h"

struct pdb_loader {
	char *directory;
	const pdb_manifest *const *builtin;
	pdb_plugin **plugins;
	size_t count;
	pdb_sockets sockets;
};

pdb_status pdb_loader_create(pdb_loader **out, const char *directory,
			     const pdb_manifest *const *builtin, pdb_err *err)
{
	pdb_loader *loader = pdb_mem_zalloc(sizeof(*loader));

	if (loader == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin loader");
	}
	loader->builtin = builtin;
	if (directory != NULL) {
		loader->directory = pdb_mem_text(directory);
		if (loader->directory == NULL) {
			pdb_loader_destroy(&loader);
			return pdb_err_set(err, PDB_ENOMEM, NULL,
					   "no memory for the plugin loader");
		}
	}
	*out = loader;
	return PDB_OK;
}

static const pdb_extension_ops *extension_ops(const pdb_plugin *plugin)
{
	return plugin->manifest->kind == PDB_KIND_EXTENSION ? plugin->manifest->ops : NULL;
}

static void destroy_plugin(pdb_plugin *plugin)
{
	const pdb_extension_ops *ops = extension_ops(plugin);

	if (ops != NULL && plugin->stage != PDB_STAGE_LOADED) {
		ops->fini(&plugin->state);
	}
	pdb_mem_free(plugin);
}

void pdb_loader_destroy(pdb_loader **loader)
{
	pdb_loader *it;

	if (loader == NULL || *loader == NULL) {
		return;
	}
	it = *loader;
	while (it->count > 0) {
		destroy_plugin(it->plugins[--it->count]);
	}
	pdb_sockets_fini(&it->sockets);
	pdb_mem_free(it->plugins);
	pdb_mem_free(it->directory);
	pdb_mem_free(it);
	*loader = NULL;
}

static pdb_plugin *find_loaded(const pdb_loader *loader, const char *name)
{
	for (size_t i = 0; i < loader->count; i++) {
		if (strcmp(loader->plugins[i]->manifest->name, name) == 0) {
			return loader->plugins[i];
		}
	}
	return NULL;
}

static const pdb_manifest *find_builtin(const pdb_loader *loader, const char *name)
{
	for (size_t i = 0; loader->builtin != NULL && loader->builtin[i] != NULL; i++) {
		const char *known = loader->builtin[i]->name;

		if (known != NULL && strcmp(known, name) == 0) {
			return loader->builtin[i];
		}
	}
	return NULL;
}

static pdb_status find_manifest(const pdb_loader *loader, const char *name,
				const pdb_manifest **out, pdb_err *err)
{
	*out = find_builtin(loader, name);
	if (*out != NULL) {
		return PDB_OK;
	}
	if (loader->directory == NULL) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL,
				   "it is not built in and there is no plugin directory");
	}
	return pdb__object_open(loader->directory, name, out, err);
}

static pdb_status check_name(const pdb_manifest *manifest, const char *name, pdb_err *err)
{
	if (strcmp(manifest->name, name) != 0) {
		return pdb_err_set(err, PDB_EABI, NULL, "its manifest calls it %s; rename the file",
				   manifest->name);
	}
	return PDB_OK;
}

static pdb_status keep(pdb_loader *loader, const pdb_manifest *manifest, pdb_plugin **out,
		       pdb_err *err)
{
	size_t size = (loader->count + 1) * sizeof(pdb_plugin *);
	pdb_plugin **plugins = pdb_mem_realloc(loader->plugins, size);
	pdb_plugin *plugin;

	if (plugins == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another plugin");
	}
	loader->plugins = plugins;
	plugin = pdb_mem_zalloc(sizeof(*plugin));
	if (plugin == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for another plugin");
	}
	plugin->manifest = manifest;
	plugin->sockets = &loader->sockets;
	loader->plugins[loader->count++] = plugin;
	*out = plugin;
	return PDB_OK;
}

static pdb_status load(pdb_loader *loader, const char *name, pdb_plugin_kind kind, pdb_plugin **out,
		       pdb_err *err)
{
	const pdb_manifest *manifest = NULL;
	pdb_plugin *loaded = find_loaded(loader, name);
	pdb_status status;

	if (loaded != NULL) {
		*out = loaded;
		return pdb_manifest_check(loaded->manifest, kind, err);
	}
	status = find_manifest(loader, name, &manifest, err);
	if (status == PDB_OK) {
		status = pdb_manifest_check(manifest, kind, err);
	}
	if (status == PDB_OK) {
		status = check_name(manifest, name, err);
	}
	return status == PDB_OK ? keep(loader, manifest, out, err) : status;
}

pdb_status pdb_loader_load(pdb_loader *loader, const char *name, pdb_plugin_kind kind,
			   pdb_plugin **out, pdb_err *err)
{
	pdb_plugin *plugin = NULL;
	pdb_err reason = {0};
	pdb_status status;

	if (!pdb__plugin_name_valid(name)) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL,
				   "a plugin's name is a lower-case word of at most 32 letters, "
				   "digits and underscores, never a path");
	}
	status = load(loader, name, kind, &plugin, &reason);
	if (status != PDB_OK) {
		return pdb_err_set(err, status, reason.code, "plugin %s: %s", name, reason.text);
	}
	*out = plugin;
	return PDB_OK;
}

const pdb_manifest *pdb_plugin_manifest_of(const pdb_plugin *plugin)
{
	return plugin->manifest;
}

const pdb_storage_ops *pdb_plugin_storage(const pdb_plugin *plugin)
{
	return plugin->manifest->kind == PDB_KIND_STORAGE ? plugin->manifest->ops : NULL;
}

const pdb_kms_ops *pdb_plugin_kms(const pdb_plugin *plugin)
{
	return plugin->manifest->kind == PDB_KIND_KMS ? plugin->manifest->ops : NULL;
}

/* What a plugin returned, with its name in front of what it said. */
static pdb_status report(const pdb_plugin *plugin, const char *call, pdb_status status,
			 const pdb_err *reason, pdb_err *err)
{
	if (status == PDB_OK) {
		return PDB_OK;
	}
	return pdb_err_set(err, status, reason->code, "plugin %s: %s: %s", plugin->manifest->name,
			   call, reason->text[0] != '\0' ? reason->text : "no reason was given");
}

pdb_status pdb_plugin_init(pdb_plugin *plugin, const pdb_host *host, const void *settings,
			   pdb_err *err)
{
	const pdb_extension_ops *ops = extension_ops(plugin);
	pdb_err reason = {0};
	pdb_status status;

	if (ops == NULL || plugin->stage != PDB_STAGE_LOADED) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "plugin %s cannot be initialised %s",
				   plugin->manifest->name,
				   ops == NULL ? "as an extension" : "twice");
	}
	plugin->stage = PDB_STAGE_REGISTERING;
	status = ops->init(host, plugin, settings, &plugin->state, &reason);
	plugin->stage = status == PDB_OK ? PDB_STAGE_READY : PDB_STAGE_FAILED;
	return report(plugin, "init", status, &reason, err);
}

static pdb_status start(pdb_plugin *plugin, pdb_err *err)
{
	const pdb_extension_ops *ops = extension_ops(plugin);
	pdb_err reason = {0};
	pdb_status status = PDB_OK;

	if (plugin->stage != PDB_STAGE_READY) {
		return PDB_OK;
	}
	if (ops->start != NULL) {
		status = ops->start(plugin->state, &reason);
	}
	if (status == PDB_OK) {
		plugin->stage = PDB_STAGE_STARTED;
	}
	return report(plugin, "start", status, &reason, err);
}

pdb_status pdb_loader_start(pdb_loader *loader, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; status == PDB_OK && i < loader->count; i++) {
		status = start(loader->plugins[i], err);
	}
	return status;
}

pdb_status pdb_plugin_reload(pdb_plugin *plugin, const void *settings, pdb_err *err)
{
	const pdb_extension_ops *ops = extension_ops(plugin);
	pdb_err reason = {0};

	if (ops == NULL || ops->reload == NULL || plugin->stage < PDB_STAGE_READY) {
		return PDB_OK;
	}
	return report(plugin, "reload", ops->reload(plugin->state, settings, &reason), &reason,
		      err);
}

void pdb_loader_stop(pdb_loader *loader)
{
	for (size_t i = loader != NULL ? loader->count : 0; i-- > 0;) {
		pdb_plugin *plugin = loader->plugins[i];

		if (plugin->stage == PDB_STAGE_STARTED) {
			const pdb_extension_ops *ops = extension_ops(plugin);

			plugin->stage = PDB_STAGE_READY;
			if (ops->stop != NULL) {
				ops->stop(plugin->state);
			}
		}
	}
}

pdb_sockets *pdb_loader_sockets(pdb_loader *loader)
{
	return &loader->sockets;
}

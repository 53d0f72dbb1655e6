/* SPDX-License-Identifier: Apache-2.0 */
/* GET /metrics: what the process and its plugins count, for Prometheus. */
#include <pdb/pdb.h>

#include "metrics_private.h"

typedef struct metrics {
	const pdb_host *host;
	pdb_measure *duration;
} metrics;

static pdb_status answer(metrics *self, pdb_request *request, page_format format, pdb_err *err)
{
	page_text page = {.host = self->host};
	pdb_status status = PDB_ENOMEM;

	page_write(self->host, format, &page);
	if (!page.failed) {
		status = self->host->request_reply(request, 200, page_type(format),
						   pdb_slice_of(page.data, page.len));
	}
	text_fini(&page);
	return status == PDB_OK ? PDB_OK : pdb_err_set(err, status, NULL, "no memory for metrics");
}

static pdb_status scrape(void *arg, pdb_request *request, pdb_err *err)
{
	metrics *self = arg;
	const pdb_host *host = self->host;
	int64_t start = host->monotonic();
	pdb_slice accept = pdb_slice_of(NULL, 0);
	pdb_status status;

	(void)host->request_header(request, "Accept", &accept);
	(void)host->request_add_header(request, "Vary", "Accept");
	(void)host->request_add_header(request, "Cache-Control", "no-store");
	status = answer(self, request, negotiate(accept), err);
	host->metrics->observe(host->metrics->series(self->duration, NULL),
			       (double)(host->monotonic() - start) / 1e9);
	return status;
}

static const pdb_route route = {
	.size = sizeof(pdb_route),
	.method = PDB_METHOD_GET,
	.pattern = "/metrics",
	.roles = PDB_ROLE_BACKEND | PDB_ROLE_ADMIN,
	.handle = scrape,
};

static const pdb_metric duration = {
	.size = sizeof(pdb_metric),
	.kind = PDB_METRIC_HISTOGRAM,
	.name = "progressdb_scrape_duration_seconds",
	.unit = "seconds",
	.help = "Time that a page of metrics took.",
};

static pdb_status init(const pdb_host *host, pdb_plugin *plugin, const void *settings,
		       void **state_out, pdb_err *err)
{
	metrics *self;
	pdb_status status;

	(void)settings;
	if (!PDB_HAS(host, metrics)) {
		return pdb_err_set(err, PDB_ENOTSUP, NULL, "this server does not count");
	}
	self = host->alloc(sizeof(*self));
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the plugin");
	}
	*self = (metrics){.host = host};
	*state_out = self;
	status = host->metrics->add(plugin, &duration, NULL, &self->duration, err);
	return status == PDB_OK ? host->add_route(plugin, &route, self, err) : status;
}

static void fini(void **state)
{
	metrics *self = *state;

	if (self != NULL) {
		self->host->free(self);
		*state = NULL;
	}
}

static const pdb_extension_ops ops = {
	.size = sizeof(pdb_extension_ops),
	.init = init,
	.fini = fini,
};

PDB_PLUGIN(metrics, EXTENSION, "0.1.0", "Apache-2.0", "Metrics for Prometheus", .ops = &ops);

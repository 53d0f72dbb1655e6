/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of the process: declared, counted in slots of each thread, read by whoever shows them. */
#ifndef PDB_MEASURE_MEASURE_H
#define PDB_MEASURE_MEASURE_H

#include <pdb/metric.h>

/* The functions of pdb_host_metrics, same contracts; `owner` stays with the caller. */
pdb_status pdb_measure_add(const char *owner, const pdb_metric *metric, void *self,
			   pdb_measure **out, pdb_err *err);
pdb_series *pdb_measure_series(pdb_measure *measure, const char *const *values);
void pdb_series_add(pdb_series *series, double value);
void pdb_series_set(pdb_series *series, double value);
void pdb_series_observe(pdb_series *series, double value);
void pdb_measure_each(pdb_reading_fn reading, void *arg);

/* Forgets everything that was declared and counted, at the very end.  Threads: main, alone. */
void pdb_measure_clear(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of the plugin SDK. */
#ifndef PDB_PDB_H
#define PDB_PDB_H

#include <pdb/abi.h>
#include <pdb/address.h>
#include <pdb/control.h>
#include <pdb/domain.h>
#include <pdb/host.h>
#include <pdb/job.h>
#include <pdb/json.h>
#include <pdb/kms.h>
#include <pdb/metric.h>
#include <pdb/option.h>
#include <pdb/plugin.h>
#include <pdb/record.h>
#include <pdb/request.h>
#include <pdb/rows.h>
#include <pdb/slice.h>
#include <pdb/status.h>
#include <pdb/storage.h>

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include <pdb/pdb.h>

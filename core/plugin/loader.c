/* SPDX-License-Identifier: Apache-2.0 */
/* . */
#include "plugin/loader.h"

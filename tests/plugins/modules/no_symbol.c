/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin at all. */
extern const int something_else;
__attribute__((visibility("default"))) const int something_else = 1;

// SPDX-License-Identifier: Apache-2.0
// The JSON form of a configuration and the published variants. Only for config*.c and convert.c.
#pragma once

#include "model/config.h"

// Reads constructor arguments as the reference names them. Keys that are absent leave *config as it
// is; those that this program has no choice about must have the published value. `what` opens the
// messages.
Sam2Status sam2_config_parse(Sam2Config *config, const char *text, const char *what,
                             Sam2Error *error);

// Writes what sam2_config_parse() reads; malloc'd, owned by the caller.
Sam2Status sam2_config_format(char **out, const Sam2Config *config, Sam2Error *error);

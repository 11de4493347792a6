// SPDX-License-Identifier: Apache-2.0
// The program's settings (data/org.masklet.Masklet.gschema.xml).
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

// The one GSettings of the program; borrowed, main thread. A program that runs from its build tree
// finds the schema of that tree, an installed one the schema beside it whatever the prefix. A
// program whose schema is nowhere to be found cannot run: it says so and ends.
GSettings *msk_settings_get(void);

G_END_DECLS

// SPDX-License-Identifier: Apache-2.0
// Freeing what takes long to be freed on a thread of its own.
#pragma once

#include <glib.h>

G_BEGIN_DECLS

// Calls destroy(data) on another thread, in order. Any thread; NULL is fine. What is still waiting
// when the process ends is not freed.
void msk_free_later(gpointer data, GDestroyNotify destroy);
// Blocks until all is freed: for tests.
void msk_free_wait(void);

G_END_DECLS

// SPDX-License-Identifier: Apache-2.0
// Documents with random edits, and project files to keep them in, for tests.
#pragma once

#include "app/store.h"

#define CLIP_WIDTH 61
#define CLIP_HEIGHT 43
#define CLIP_FRAMES 40

// A new folder under the system's temporary one, removed by remove_folder().
char *make_folder(void);
void remove_folder(const char *folder);
// A path in the folder; g_free().
char *path_in(const char *folder, const char *name);

// A clip of the size above that need not be there.
MskMediaRef *make_ref(const char *folder);
MskDocument *make_document(void);
// One random edit, undo or redo. Now and then it does nothing.
void edit_document(MskDocument *document, GRand *rand);
// Whether both hold the same.
gboolean same_document(MskDocument *a, MskDocument *b);
// Whether they have the same commands besides.
gboolean same_commands(MskDocument *a, MskDocument *b);
// Whether they hold the same after every step of undoing, and redoing. Afterwards they are where
// they were, if it is so.
gboolean same_history(MskDocument *a, MskDocument *b);
// Whether b holds what a holds, less what the removed objects of a had.
gboolean same_without_removed(MskDocument *a, MskDocument *b);

// Waits for what was handed over; FALSE with an error where it was not written.
gboolean flush_store(MskStore *store, GError **error);
gboolean copy_store(MskStore *store, const char *path, gboolean with_history, GError **error);
// Opens the project and reads it into a new document. *store: NULL closes it again; *warning may be
// NULL.
MskDocument *load_document(const char *path, MskStore **store, char **warning, GError **error);
// A number that an SQL query gives, from a file that is not open; -1: it does not.
int64_t ask_file(const char *path, const char *sql);
// Runs SQL on a file that is not open, as a careless program would.
gboolean change_file(const char *path, const char *sql);

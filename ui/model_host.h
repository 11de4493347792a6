// SPDX-License-Identifier: Apache-2.0
// MskModelHost: the engine and the model that is open in it, shared by all windows.
//
// A model takes from tens of megabytes to gigabytes, so windows share one. Main thread.
#pragma once

#include "app/engine.h"

G_BEGIN_DECLS

#define MSK_TYPE_MODEL_HOST (msk_model_host_get_type())
// Properties, read-only, with notify:
//   "name" (string): of the open model, NULL: none
//   "opening" (string): name of the model that is being opened, NULL: none
//   "problem" (string): why the model asked for last is not open, one sentence; NULL: nothing
// Signal "changed": another model is open, or none.
G_DECLARE_FINAL_TYPE(MskModelHost, msk_model_host, MSK, MODEL_HOST, GObject)

// The one of this process; the caller owns a reference. The engine is closed with the last one.
MskModelHost *msk_model_host_ref_default(void);

MskEngine *msk_model_host_get_engine(MskModelHost *host);        // borrowed
const MskModelInfo *msk_model_host_get_info(MskModelHost *host); // NULL: no model is open
const char *msk_model_host_get_name(MskModelHost *host);         // NULL: no model is open
const char *msk_model_host_get_opening(MskModelHost *host);      // NULL: nothing
const char *msk_model_host_get_problem(MskModelHost *host);      // NULL: nothing

// Opens a model by name or path (see msk_model_store_find()) in place of the one before, which
// stays open where that fails, with the backend, precision and threads of the settings. NULL: the
// settings' model, unless one is open or being opened. The newest call wins. The outcome comes as
// notifications. When a setting of the model changes it is opened anew.
void msk_model_host_open(MskModelHost *host, const char *name);

G_END_DECLS

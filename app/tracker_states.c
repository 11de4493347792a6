// SPDX-License-Identifier: Apache-2.0
// Where spans were left, within a budget of memory.
#include "app/tracker_private.h"

typedef struct Entry {
    int64_t object;
    guint64 source;
    MskTrackState *state;
} Entry;

static void remove_link(MskTrackStates *states, GList *link)
{
    Entry *entry = link->data;
    states->size -= msk_track_state_get_size(entry->state);
    msk_track_state_unref(entry->state);
    g_free(entry);
    g_queue_delete_link(&states->entries, link);
}

static GList *find_link(MskTrackStates *states, int64_t object, guint64 source)
{
    for (GList *link = states->entries.head; link; link = link->next) {
        const Entry *entry = link->data;
        if (entry->object == object && entry->source == source)
            return link;
    }
    return NULL;
}

static void evict(MskTrackStates *states)
{
    while (states->size > states->budget)
        remove_link(states, states->entries.tail);
}

void msk_track_states_put(MskTrackStates *states, int64_t object, guint64 source,
                          MskTrackState *state)
{
    Entry *entry = g_new(Entry, 1);
    *entry = (Entry){object, source, msk_track_state_ref(state)};
    msk_track_states_drop(states, object, source);
    g_queue_push_head(&states->entries, entry);
    states->size += msk_track_state_get_size(state);
    evict(states);
}

MskTrackState *msk_track_states_find(MskTrackStates *states, int64_t object, guint64 source)
{
    GList *link = find_link(states, object, source);
    return link ? ((Entry *)link->data)->state : NULL;
}

void msk_track_states_drop(MskTrackStates *states, int64_t object, guint64 source)
{
    GList *link = find_link(states, object, source);
    if (link)
        remove_link(states, link);
}

void msk_track_states_clear(MskTrackStates *states)
{
    while (states->entries.head)
        remove_link(states, states->entries.head);
}

void msk_track_states_set_budget(MskTrackStates *states, size_t bytes)
{
    states->budget = bytes;
    evict(states);
}

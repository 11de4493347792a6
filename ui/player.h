// SPDX-License-Identifier: Apache-2.0
// MskPlayer: moves a session's playhead through the clip at its own rate.
//
// The clip's time stamps decide when a frame is due, so clips of a variable rate play as they were
// made. The player has no clock of its own: whoever shows the session calls msk_player_tick() for
// each frame of the screen while "playing" is set, and msk_player_see() of the clip's frame that is
// on it. A frame that was due but never seen is counted. Main thread.
#pragma once

#include "ui/session.h"

G_BEGIN_DECLS

#define MSK_PLAYER_SPEED_MAX 8

#define MSK_TYPE_PLAYER (msk_player_get_type())
// Properties, with notify:
//   "playing" (boolean, read-only)
//   "speed" (int, read-only): 1, 2, 4, 8; negative: backward. Of the last playing while standing
//   "loop" (boolean): start again at the end of the range
//   "n-dropped" (int64, read-only): frames that were due and not seen since play began
G_DECLARE_FINAL_TYPE(MskPlayer, msk_player, MSK, PLAYER, GObject)

MskPlayer *msk_player_new(MskSession *session); // keeps a reference

gboolean msk_player_is_playing(MskPlayer *player);
int msk_player_get_speed(MskPlayer *player);
int64_t msk_player_get_n_dropped(MskPlayer *player);
gboolean msk_player_get_loop(MskPlayer *player);
void msk_player_set_loop(MskPlayer *player, gboolean loop);

// From the playhead; from the other end of the range where it stands at this one. `speed` 0 stops.
void msk_player_play(MskPlayer *player, int speed);
void msk_player_toggle(MskPlayer *player); // Space: forward at 1, or stop
// J and L: play in that direction; again: twice as fast.
void msk_player_shuttle(MskPlayer *player, int direction);
void msk_player_stop(MskPlayer *player);
// Stops and moves the playhead by frames, within the clip.
void msk_player_step(MskPlayer *player, int64_t n_frames);

// `now` in microseconds of a steady clock, when what is shown next will be on the screen.
void msk_player_tick(MskPlayer *player, int64_t now);
// The frame that is on the screen now; those that the session had to show before it, and that were
// not seen, are dropped.
void msk_player_see(MskPlayer *player, int64_t frame);

G_END_DECLS

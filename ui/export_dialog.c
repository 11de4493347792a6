// SPDX-License-Identifier: Apache-2.0
// The export dialog: its rows, and what they say.
#include "ui/export_dialog.h"

#include <glib/gi18n.h>

#include "ui/accessible.h"
#include "ui/export_dialog_private.h"
#include "ui/panel_style.h"
#include "ui/settings.h"

G_DEFINE_FINAL_TYPE(MskExportDialog, msk_export_dialog, ADW_TYPE_WINDOW)

enum { OBJECTS_VISIBLE, OBJECTS_SELECTED, OBJECTS_CHOSEN };
enum { RANGE_ALL, RANGE_IN_OUT };

// What people know by its use first, then every kind. `id` is kept in the settings.
static const struct Preset {
    const char *id, *title;
    MskExportKind kind;
    const char *use; // NULL: for many
} presets[] = {
    {"editor", N_("Video editor"), MSK_EXPORT_PRORES4444,
     N_("For Resolve, Premiere, After Effects")},
    {"web", N_("Web page"), MSK_EXPORT_VP9_ALPHA, N_("For browsers")},
    {"archive", N_("Archive"), MSK_EXPORT_FFV1_ALPHA, N_("To keep")},
    {"compositing", N_("Compositing"), MSK_EXPORT_MATTE_PNG16, N_("For Nuke, Fusion, Natron")},
    {"prores4444", N_("ProRes 4444"), MSK_EXPORT_PRORES4444, NULL},
    {"vp9-alpha", N_("VP9 with alpha"), MSK_EXPORT_VP9_ALPHA, NULL},
    {"ffv1-alpha", N_("FFV1 with alpha"), MSK_EXPORT_FFV1_ALPHA, NULL},
    {"matte-video", N_("Matte video"), MSK_EXPORT_MATTE_VIDEO, NULL},
    {"rgba-png", N_("PNG with alpha"), MSK_EXPORT_RGBA_PNG, NULL},
    {"matte-png", N_("Matte PNG, 8 bits"), MSK_EXPORT_MATTE_PNG, NULL},
    {"matte-png16", N_("Matte PNG, 16 bits"), MSK_EXPORT_MATTE_PNG16, NULL},
    {"davis", N_("DAVIS data set"), MSK_EXPORT_DAVIS, NULL},
};

static const char *const descriptions[MSK_EXPORT_N_KINDS] = {
    [MSK_EXPORT_MATTE_PNG] = N_("Grey pictures of 8 bits, one for each frame"),
    [MSK_EXPORT_MATTE_PNG16] = N_("Grey pictures of 16 bits, one for each frame"),
    [MSK_EXPORT_RGBA_PNG] = N_("Cut-out pictures with alpha, one for each frame"),
    [MSK_EXPORT_DAVIS] = N_("Indexed pictures: each pixel is the number of its object; where "
                            "objects overlap the upper one in the list wins"),
    [MSK_EXPORT_PRORES4444] = N_("ProRes 4444 video with alpha (.mov)"),
    [MSK_EXPORT_VP9_ALPHA] = N_("VP9 video with alpha, small (.webm)"),
    [MSK_EXPORT_FFV1_ALPHA] = N_("FFV1 video with alpha, without loss (.mkv)"),
    [MSK_EXPORT_MATTE_VIDEO] = N_("Black-and-white video of the matte"),
};

static const char *const containers[] = {".mp4", ".mov", ".mkv"};

const char *msk_export_dialog_get_kind_title(MskExportKind kind)
{
    for (guint i = G_N_ELEMENTS(presets); i > 0; i--)
        if (presets[i - 1].kind == kind)
            return _(presets[i - 1].title);
    return "";
}

static gboolean is_cut_out(MskExportKind kind)
{
    return kind == MSK_EXPORT_RGBA_PNG || kind == MSK_EXPORT_PRORES4444 ||
           kind == MSK_EXPORT_VP9_ALPHA || kind == MSK_EXPORT_FFV1_ALPHA;
}

// ---- What the rows say -------------------------------------------------------------------------

MskExportKind msk_export_dialog_get_kind(MskExportDialog *dialog)
{
    guint at = adw_combo_row_get_selected(dialog->preset);
    return presets[MIN(at, G_N_ELEMENTS(presets) - 1)].kind;
}

GPtrArray *msk_export_dialog_dup_masklets(MskExportDialog *dialog)
{
    GPtrArray *masklets = g_ptr_array_new_with_free_func(g_object_unref);
    guint which = adw_combo_row_get_selected(dialog->objects);
    MskMasklet *selected = msk_session_get_selected(dialog->session);
    for (guint i = 0; i < msk_document_get_n_objects(dialog->document); i++) {
        MskMasklet *masklet = msk_document_get_object(dialog->document, i);
        if (which == OBJECTS_VISIBLE    ? msk_masklet_get_info(masklet)->visible
            : which == OBJECTS_SELECTED ? masklet == selected
                                        : g_hash_table_contains(dialog->chosen, masklet))
            g_ptr_array_add(masklets, g_object_ref(masklet));
    }
    return masklets;
}

gboolean msk_export_dialog_get_range(MskExportDialog *dialog, int64_t *first, int64_t *last)
{
    *first = 0;
    *last = msk_media_get_n_frames(dialog->media) - 1;
    if (adw_combo_row_get_selected(dialog->range) == RANGE_IN_OUT) {
        int64_t in, out;
        msk_document_get_range(dialog->document, &in, &out);
        *first = in;
        *last = MIN(out, *last);
    }
    return *first <= *last;
}

static const char *get_extension(MskExportDialog *dialog)
{
    MskExportKind kind = msk_export_dialog_get_kind(dialog);
    if (kind != MSK_EXPORT_MATTE_VIDEO)
        return msk_export_kind_get_extension(kind);
    guint at = adw_combo_row_get_selected(dialog->container);
    return containers[MIN(at, G_N_ELEMENTS(containers) - 1)];
}

MskExportOptions msk_export_dialog_get_options(MskExportDialog *dialog, char **path, char **pattern)
{
    MskExportOptions options = MSK_EXPORT_OPTIONS_INIT;
    options.kind = msk_export_dialog_get_kind(dialog);
    gboolean is_sequence = msk_export_kind_is_sequence(options.kind);
    g_autofree char *name = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(dialog->name))));
    const char *extension = get_extension(dialog);
    g_autofree char *file = extension && !g_str_has_suffix(name, extension)
                                ? g_strconcat(name, extension, NULL)
                                : g_strdup(name);
    *path = g_build_filename(dialog->folder, file, NULL);
    *pattern = is_sequence && options.kind != MSK_EXPORT_DAVIS
                   ? g_strdup(gtk_editable_get_text(GTK_EDITABLE(dialog->pattern)))
                   : NULL;
    options.path = *path;
    options.pattern = *pattern;
    options.separate = options.kind != MSK_EXPORT_DAVIS && gtk_switch_get_active(dialog->separate);
    if (is_sequence && adw_expander_row_get_enable_expansion(dialog->numbering))
        options.first_number = gtk_spin_button_get_value_as_int(dialog->first_number);
    options.premultiplied =
        is_cut_out(options.kind) && gtk_switch_get_active(dialog->premultiplied);
    options.sound = !is_sequence && gtk_switch_get_active(dialog->sound);
    options.first_wins = TRUE;
    return options;
}

// ---- Checking in place -------------------------------------------------------------------------

// NULL: the name is fine as that of a file or folder.
static const char *find_name_problem(MskExportDialog *dialog)
{
    g_autofree char *name = g_strstrip(g_strdup(gtk_editable_get_text(GTK_EDITABLE(dialog->name))));
    if (!name[0])
        return _("The export needs a name");
    if (strchr(name, '/'))
        return _("A name has no “/”: choose the folder above");
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return _("This name means a folder that is there already");
    if (strlen(name) > 200)
        return _("The name is too long");
    return NULL;
}

static void set_error_class(GtkWidget *widget, gboolean is_wrong)
{
    if (is_wrong)
        gtk_widget_add_css_class(widget, "error");
    else
        gtk_widget_remove_css_class(widget, "error");
    gtk_accessible_update_state(
        GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_STATE_INVALID,
        is_wrong ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);
}

static char *describe_files(char **paths)
{
    g_autofree char *first = g_filename_display_name(paths[0]);
    guint n = g_strv_length(paths);
    return n > 1 ? g_strdup_printf(ngettext("%s, and %u other", "%s, and %u others", n - 1), first,
                                   n - 1)
                 : g_steal_pointer(&first);
}

// The example, or what is wrong, beside what it is about.
static void check_options(MskExportDialog *dialog)
{
    g_autoptr(GPtrArray) masklets = msk_export_dialog_dup_masklets(dialog);
    g_autofree char *path = NULL, *pattern = NULL, *text = NULL;
    MskExportOptions options = msk_export_dialog_get_options(dialog, &path, &pattern);
    const char *problem = NULL, *name_problem = find_name_problem(dialog);
    gboolean is_pattern_wrong = FALSE;
    int64_t first, last;
    g_autoptr(GError) error = NULL;
    if (!msk_media_is_indexed(dialog->media))
        problem = _("The clip’s frames are still being counted");
    else if (masklets->len == 0)
        problem = adw_combo_row_get_selected(dialog->objects) == OBJECTS_CHOSEN
                      ? _("Choose at least one object")
                      : _("There is no such object: choose others");
    else if (!msk_export_dialog_get_range(dialog, &first, &last))
        problem = _("There are no frames between in and out");
    else if (name_problem)
        problem = name_problem;
    else {
        g_autofree MskExportObject *objects = g_new0(MskExportObject, masklets->len);
        for (guint i = 0; i < masklets->len; i++)
            msk_export_object_init(&objects[i], dialog->document, masklets->pdata[i]);
        g_auto(GStrv) paths =
            msk_export_preview(&options, dialog->media, objects, (int)masklets->len, first, &error);
        if (paths)
            text = describe_files(paths);
        else
            problem = error->message;
        is_pattern_wrong = !paths && pattern;
    }
    set_error_class(GTK_WIDGET(dialog->name), name_problem != NULL);
    set_error_class(GTK_WIDGET(dialog->pattern), is_pattern_wrong);
    set_error_class(GTK_WIDGET(dialog->example), problem != NULL);
    gboolean is_sequence = msk_export_kind_is_sequence(options.kind);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(dialog->example),
                                  problem       ? _("Cannot Export Yet")
                                  : is_sequence ? _("First File")
                                                : _("File"));
    g_autofree char *escaped = g_markup_escape_text(problem ? problem : text, -1);
    adw_action_row_set_subtitle(dialog->example, escaped);
    gtk_widget_set_sensitive(dialog->export, !problem && !dialog->work);
}

static void show_gaps(MskExportDialog *dialog)
{
    g_autoptr(GPtrArray) masklets = msk_export_dialog_dup_masklets(dialog);
    int64_t first, last, n_missing = 0, n_stale = 0;
    if (masklets->len > 0 && msk_export_dialog_get_range(dialog, &first, &last))
        msk_export_count_gaps((MskMasklet *const *)masklets->pdata, masklets->len, first, last,
                              &n_missing, &n_stale);
    gtk_widget_set_visible(GTK_WIDGET(dialog->gaps_group), n_missing + n_stale > 0);
    g_autoptr(GString) text = g_string_new(NULL);
    if (n_stale > 0)
        g_string_append_printf(text,
                               ngettext("%lld mask is from before the last correction",
                                        "%lld masks are from before the last correction",
                                        (gulong)n_stale),
                               (long long)n_stale);
    if (n_stale > 0 && n_missing > 0)
        g_string_append(text, "\n");
    if (n_missing > 0)
        g_string_append_printf(text,
                               ngettext("%lld frame of an object was not tracked yet",
                                        "%lld frames of objects were not tracked yet",
                                        (gulong)n_missing),
                               (long long)n_missing);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(dialog->gaps), text->str);
    gtk_widget_set_sensitive(dialog->track_first, msk_session_get_tracker(dialog->session) &&
                                                      msk_session_get_model_info(dialog->session));
}

static void changed_cb(MskExportDialog *dialog)
{
    if (dialog->is_updating || !dialog->document)
        return;
    check_options(dialog);
}

static void objects_changed_cb(MskExportDialog *dialog)
{
    if (dialog->is_updating || !dialog->document)
        return;
    gtk_widget_set_visible(GTK_WIDGET(dialog->chosen_group),
                           adw_combo_row_get_selected(dialog->objects) == OBJECTS_CHOSEN);
    show_gaps(dialog);
    check_options(dialog);
}

// ---- Rows that depend on others ----------------------------------------------------------------

// "clip-matte", unless the user has put in another name.
static void suggest_name(MskExportDialog *dialog)
{
    const char *now = gtk_editable_get_text(GTK_EDITABLE(dialog->name));
    if (dialog->suggested_name && strcmp(now, dialog->suggested_name) != 0)
        return;
    g_autofree char *clip = msk_export_dup_clip_name(dialog->media);
    MskExportKind kind = msk_export_dialog_get_kind(dialog);
    const char *what = kind == MSK_EXPORT_DAVIS ? "davis" : is_cut_out(kind) ? "cutout" : "matte";
    g_free(dialog->suggested_name);
    dialog->suggested_name = g_strdup_printf("%s-%s", clip, what);
    gtk_editable_set_text(GTK_EDITABLE(dialog->name), dialog->suggested_name);
}

static void show_folder(MskExportDialog *dialog)
{
    g_autofree char *name = g_filename_display_name(dialog->folder);
    g_autofree char *escaped = g_markup_escape_text(name, -1);
    adw_action_row_set_subtitle(dialog->folder_row, escaped);
}

static void preset_changed_cb(MskExportDialog *dialog)
{
    if (dialog->is_updating || !dialog->document)
        return;
    MskExportKind kind = msk_export_dialog_get_kind(dialog);
    gboolean is_sequence = msk_export_kind_is_sequence(kind);
    MskMediaInfo info;
    msk_media_get_info(dialog->media, &info);
    const char *use = presets[adw_combo_row_get_selected(dialog->preset)].use;
    g_autofree char *text = use ? g_strdup_printf("%s: %s", _(use), _(descriptions[kind]))
                                : g_strdup(_(descriptions[kind]));
    adw_preferences_group_set_description(dialog->what_group, text);
    gtk_widget_set_visible(GTK_WIDGET(dialog->container), kind == MSK_EXPORT_MATTE_VIDEO);
    gtk_widget_set_visible(GTK_WIDGET(dialog->separate_row), kind != MSK_EXPORT_DAVIS);
    gtk_widget_set_visible(GTK_WIDGET(dialog->premultiplied_row), is_cut_out(kind));
    gtk_widget_set_visible(GTK_WIDGET(dialog->sound_row), !is_sequence && info.n_audio > 0);
    gtk_widget_set_visible(GTK_WIDGET(dialog->pattern), is_sequence && kind != MSK_EXPORT_DAVIS);
    gtk_widget_set_visible(GTK_WIDGET(dialog->numbers_group), is_sequence);
    adw_preferences_row_set_title(ADW_PREFERENCES_ROW(dialog->name),
                                  is_sequence ? _("_Name of the New Folder") : _("_Name"));
    dialog->is_updating = TRUE;
    suggest_name(dialog);
    dialog->is_updating = FALSE;
    check_options(dialog);
}

static void show_ranges(MskExportDialog *dialog)
{
    guint selected = adw_combo_row_get_selected(dialog->range);
    guint n_names = g_list_model_get_n_items(G_LIST_MODEL(dialog->range_names));
    int64_t first, last, n_frames = MAX(msk_media_get_n_frames(dialog->media), 0);
    g_autofree char *all = g_strdup_printf(
        ngettext("Whole clip (%lld)", "Whole clip (%lld)", (gulong)n_frames), (long long)n_frames);
    const char *names[3] = {all};
    g_autofree char *part = NULL;
    if (msk_document_has_range(dialog->document)) {
        msk_document_get_range(dialog->document, &first, &last);
        part = g_strdup_printf(_("In to out (%lld to %lld)"), (long long)first, (long long)last);
        names[1] = part;
    }
    dialog->is_updating = TRUE;
    gtk_string_list_splice(dialog->range_names, 0, n_names, names);
    // The range was set to be used.
    guint usual = part ? RANGE_IN_OUT : RANGE_ALL;
    adw_combo_row_set_selected(
        dialog->range, n_names == 0 || (selected == RANGE_IN_OUT && !part) ? usual : selected);
    dialog->is_updating = FALSE;
}

static void folder_chosen_cb(MskExportDialog *dialog, int response)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog->chooser));
        char *path = file ? g_file_get_path(file) : NULL;
        if (path) {
            g_free(dialog->folder);
            dialog->folder = path;
            show_folder(dialog);
        }
    }
    gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(dialog->chooser));
    g_clear_object(&dialog->chooser);
    check_options(dialog);
}

static void choose_cb(MskExportDialog *dialog)
{
    if (dialog->chooser)
        return;
    dialog->chooser = gtk_file_chooser_native_new(_("Export Into"), GTK_WINDOW(dialog),
                                                  GTK_FILE_CHOOSER_ACTION_SELECT_FOLDER,
                                                  _("_Choose"), _("_Cancel"));
    gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(dialog->chooser), TRUE);
    g_autoptr(GFile) folder = g_file_new_for_path(dialog->folder);
    gtk_file_chooser_set_current_folder(GTK_FILE_CHOOSER(dialog->chooser), folder, NULL);
    g_signal_connect_swapped(dialog->chooser, "response", G_CALLBACK(folder_chosen_cb), dialog);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog->chooser));
}

// ---- Chosen objects ----------------------------------------------------------------------------

static void chosen_toggled_cb(GtkCheckButton *check, GtkListItem *item)
{
    MskExportDialog *dialog = g_object_get_data(G_OBJECT(check), "dialog");
    MskMasklet *masklet = gtk_list_item_get_item(item);
    if (!masklet || dialog->is_updating)
        return;
    if (gtk_check_button_get_active(check))
        g_hash_table_add(dialog->chosen, g_object_ref(masklet));
    else
        g_hash_table_remove(dialog->chosen, masklet);
    objects_changed_cb(dialog);
}

static void setup_chosen_cb(GtkSignalListItemFactory *factory, GtkListItem *item,
                            MskExportDialog *dialog)
{
    GtkWidget *check = gtk_check_button_new();
    g_object_set_data(G_OBJECT(check), "dialog", dialog);
    g_signal_connect(check, "toggled", G_CALLBACK(chosen_toggled_cb), item);
    gtk_list_item_set_child(item, check);
}

static void bind_chosen_cb(GtkSignalListItemFactory *factory, GtkListItem *item,
                           MskExportDialog *dialog)
{
    GtkCheckButton *check = GTK_CHECK_BUTTON(gtk_list_item_get_child(item));
    MskMasklet *masklet = gtk_list_item_get_item(item);
    gboolean was_updating = dialog->is_updating;
    dialog->is_updating = TRUE;
    gtk_check_button_set_label(check, msk_masklet_get_info(masklet)->name);
    gtk_check_button_set_active(check, g_hash_table_contains(dialog->chosen, masklet));
    dialog->is_updating = was_updating;
}

static void chosen_activated_cb(MskExportDialog *dialog, guint position)
{
    g_autoptr(MskMasklet) masklet = g_list_model_get_item(G_LIST_MODEL(dialog->document), position);
    if (!masklet)
        return;
    if (!g_hash_table_remove(dialog->chosen, masklet))
        g_hash_table_add(dialog->chosen, g_object_ref(masklet));
    g_list_model_items_changed(G_LIST_MODEL(gtk_list_view_get_model(dialog->chosen_view)), position,
                               0, 0);
    objects_changed_cb(dialog);
}

// ---- Object ------------------------------------------------------------------------------------

static void export_cb(MskExportDialog *dialog)
{
    msk_export_dialog_run(dialog);
}

static void track_first_cb(MskExportDialog *dialog)
{
    msk_export_dialog_track_first(dialog);
}

static void index_cb(MskExportDialog *dialog)
{
    show_ranges(dialog);
    objects_changed_cb(dialog);
}

static void load_settings(MskExportDialog *dialog)
{
    GSettings *settings = msk_settings_get();
    g_autofree char *preset = g_settings_get_string(settings, "export-preset");
    g_autofree char *pattern = g_settings_get_string(settings, "export-pattern");
    g_autofree char *folder = g_settings_get_string(settings, "export-folder");
    for (guint i = 0; i < G_N_ELEMENTS(presets); i++)
        if (strcmp(preset, presets[i].id) == 0)
            adw_combo_row_set_selected(dialog->preset, i);
    gtk_editable_set_text(GTK_EDITABLE(dialog->pattern), pattern);
    gtk_switch_set_active(dialog->separate, g_settings_get_boolean(settings, "export-separate"));
    gtk_switch_set_active(dialog->premultiplied,
                          g_settings_get_boolean(settings, "export-premultiplied"));
    gtk_switch_set_active(dialog->sound, g_settings_get_boolean(settings, "export-sound"));
    if (folder[0] && g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        dialog->folder = g_steal_pointer(&folder);
    } else {
        MskMediaInfo info;
        msk_media_get_info(dialog->media, &info);
        g_autofree char *clip = g_canonicalize_filename(info.path, NULL);
        dialog->folder = g_path_get_dirname(clip);
    }
    show_folder(dialog);
}

static void set_session(MskExportDialog *dialog, MskSession *session)
{
    dialog->session = g_object_ref(session);
    dialog->media = g_object_ref(msk_session_get_media(session));
    MskDocument *document = g_object_ref(msk_session_get_document(session));
    dialog->is_updating = TRUE;
    dialog->document = document;
    load_settings(dialog);
    dialog->is_updating = FALSE;
    MskMasklet *selected = msk_session_get_selected(session);
    if (selected)
        g_hash_table_add(dialog->chosen, g_object_ref(selected));
    g_autoptr(GtkNoSelection) model = gtk_no_selection_new(g_object_ref(G_LIST_MODEL(document)));
    gtk_list_view_set_model(dialog->chosen_view, GTK_SELECTION_MODEL(model));
    g_signal_connect_object(session, "notify::index-progress", G_CALLBACK(index_cb), dialog,
                            G_CONNECT_SWAPPED);
    // Another clip: there is nothing to export here any more.
    g_signal_connect_object(session, "notify::document", G_CALLBACK(gtk_window_close), dialog,
                            G_CONNECT_SWAPPED);
    show_ranges(dialog);
    preset_changed_cb(dialog);
    objects_changed_cb(dialog);
}

static void dispose_cb(GObject *object)
{
    MskExportDialog *dialog = MSK_EXPORT_DIALOG(object);
    msk_export_dialog_stop(dialog);
    if (dialog->chooser)
        gtk_native_dialog_destroy(GTK_NATIVE_DIALOG(dialog->chooser));
    g_clear_object(&dialog->chooser);
    g_clear_object(&dialog->session);
    g_clear_object(&dialog->media);
    G_OBJECT_CLASS(msk_export_dialog_parent_class)->dispose(object);
    g_clear_object(&dialog->document); // its rows are gone by now
}

static void finalize_cb(GObject *object)
{
    MskExportDialog *dialog = MSK_EXPORT_DIALOG(object);
    g_hash_table_unref(dialog->chosen);
    g_object_unref(dialog->range_names);
    g_free(dialog->folder);
    g_free(dialog->suggested_name);
    G_OBJECT_CLASS(msk_export_dialog_parent_class)->finalize(object);
}

static void msk_export_dialog_class_init(MskExportDialogClass *class)
{
    GtkWidgetClass *widget = GTK_WIDGET_CLASS(class);
    G_OBJECT_CLASS(class)->dispose = dispose_cb;
    G_OBJECT_CLASS(class)->finalize = finalize_cb;
    gtk_widget_class_set_template_from_resource(widget, "/org/masklet/Masklet/export_dialog.ui");
#define BIND(name) gtk_widget_class_bind_template_child(widget, MskExportDialog, name)
    BIND(cancel);
    BIND(export);
    BIND(stack);
    BIND(collecting);
    BIND(gaps_group);
    BIND(chosen_group);
    BIND(what_group);
    BIND(numbers_group);
    BIND(gaps);
    BIND(folder_row);
    BIND(example);
    BIND(separate_row);
    BIND(premultiplied_row);
    BIND(sound_row);
    BIND(track_first);
    BIND(preset);
    BIND(container);
    BIND(objects);
    BIND(range);
    BIND(numbering);
    BIND(separate);
    BIND(premultiplied);
    BIND(sound);
    BIND(first_number);
    BIND(chosen_view);
    BIND(name);
    BIND(pattern);
#undef BIND
    gtk_widget_class_bind_template_callback(widget, export_cb);
    gtk_widget_class_bind_template_callback(widget, track_first_cb);
    gtk_widget_class_bind_template_callback(widget, preset_changed_cb);
    gtk_widget_class_bind_template_callback(widget, objects_changed_cb);
    gtk_widget_class_bind_template_callback(widget, changed_cb);
    gtk_widget_class_bind_template_callback(widget, choose_cb);
    gtk_widget_class_bind_template_callback(widget, chosen_activated_cb);
    gtk_widget_class_add_binding_action(widget, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void msk_export_dialog_init(MskExportDialog *dialog)
{
    msk_panel_style_load();
    dialog->chosen = g_hash_table_new_full(NULL, NULL, g_object_unref, NULL);
    dialog->range_names = gtk_string_list_new(NULL);
    gtk_widget_init_template(GTK_WIDGET(dialog));
    msk_accessible_name_buttons(GTK_WIDGET(dialog));
    g_autoptr(GtkStringList) names = gtk_string_list_new(NULL);
    for (guint i = 0; i < G_N_ELEMENTS(presets); i++)
        gtk_string_list_append(names, _(presets[i].title));
    adw_combo_row_set_model(dialog->preset, G_LIST_MODEL(names));
    adw_combo_row_set_model(dialog->range, G_LIST_MODEL(dialog->range_names));
    g_autoptr(GtkListItemFactory) factory = gtk_signal_list_item_factory_new();
    g_signal_connect(factory, "setup", G_CALLBACK(setup_chosen_cb), dialog);
    g_signal_connect(factory, "bind", G_CALLBACK(bind_chosen_cb), dialog);
    gtk_list_view_set_factory(dialog->chosen_view, factory);
}

void msk_export_dialog_present(GtkWindow *window, MskSession *session)
{
    g_return_if_fail(msk_session_get_document(session) && msk_session_get_media(session));
    MskExportDialog *dialog = g_object_new(MSK_TYPE_EXPORT_DIALOG, "transient-for", window, NULL);
    set_session(dialog, session);
    gtk_window_present(GTK_WINDOW(dialog));
}

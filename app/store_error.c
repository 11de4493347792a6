// SPDX-License-Identifier: Apache-2.0
// What goes wrong with project files, in words.
#include <glib/gi18n.h>
#include <errno.h>
#include <string.h>

#include "app/store_private.h"

G_DEFINE_QUARK(msk - store - error - quark, msk_store_error)

void msk_store_set_error(GError **error, MskStoreErrorCode code, const char *path,
                         const char *format, ...)
{
    g_autofree char *name = g_filename_display_name(path);
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, MSK_STORE_ERROR, code, _("\"%s\" %s"), name, text);
}

void msk_store_set_file_error(GError **error, int code, const char *path, const char *what)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        msk_store_set_error(error, MSK_STORE_ERROR_FULL, path,
                            _("%s: the disk is full; make room, or choose another place"), what);
        break;
    case EROFS:
        msk_store_set_error(error, MSK_STORE_ERROR_READ_ONLY, path,
                            _("%s: the disk cannot be written to; choose another place"), what);
        break;
    case EACCES:
    case EPERM:
        msk_store_set_error(
            error, MSK_STORE_ERROR_READ_ONLY, path,
            _("%s: that is not permitted; check the permissions of the file and its "
              "folder, or choose another place"),
            what);
        break;
    case ENOENT:
    case ENOTDIR:
        msk_store_set_error(error, MSK_STORE_ERROR_IO, path,
                            _("%s: there is no such file or folder; check the name"), what);
        break;
    default:
        msk_store_set_error(error, MSK_STORE_ERROR_IO, path, _("%s: %s; check the disk"), what,
                            g_strerror(code));
    }
}

void msk_store_set_db_error(GError **error, sqlite3 *db, const char *path)
{
    const int code = db ? sqlite3_errcode(db) & 0xff : SQLITE_NOMEM;
    const int system = db ? sqlite3_system_errno(db) : 0;

    if (code == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG)) {
        msk_store_set_file_error(error, system, path, _("could not be written"));
        return;
    }
    switch (code) {
    case SQLITE_FULL:
        msk_store_set_file_error(error, ENOSPC, path, _("could not be written"));
        break;
    case SQLITE_READONLY:
        msk_store_set_file_error(error, EACCES, path, _("could not be written"));
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        msk_store_set_error(error, MSK_STORE_ERROR_IN_USE, path,
                            _("is open in another program; close it there first"));
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        msk_store_set_error(error, MSK_STORE_ERROR_NOT_PROJECT, path,
                            _("is damaged (%s); go back to a copy of it"), sqlite3_errmsg(db));
        break;
    default:
        msk_store_set_error(error, MSK_STORE_ERROR_IO, path,
                            _("could not be read or written: %s%s%s"),
                            db ? sqlite3_errmsg(db) : _("not enough memory"), system ? ", " : "",
                            system ? g_strerror(system) : "");
    }
}

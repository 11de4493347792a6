// SPDX-License-Identifier: Apache-2.0
// masklet: the desktop application.
#include <glib/gi18n.h>
#include <locale.h>
#include <signal.h>

#include "app/startup.h"
#include "app/store.h"
#include "ui/application.h"

int main(int argc, char **argv)
{
    msk_startup_restart_with_passive_waiting(argv);
    // A closed pipe and a file grown too large are errors of the write, which are handled.
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    setlocale(LC_ALL, "");
    bindtextdomain("masklet", MSK_LOCALE_DIR);
    bind_textdomain_codeset("masklet", "UTF-8");
    textdomain("masklet");
    g_set_application_name(_("Masklet"));
    g_autoptr(MskApplication) application = msk_application_new();
    const int status = g_application_run(G_APPLICATION(application), argc, argv);
    msk_store_wait_closed();
    return status;
}

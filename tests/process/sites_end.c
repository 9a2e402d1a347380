// SPDX-License-Identifier: MIT
/*
 * sites_end - 5,000 births of 45 bytes and as many frees, then an end
 *
 *	sites_end exit|_exit|quick_exit|abort|SIGKILL|SIGSEGV|exec
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	const char *how = argc > 1 ? argv[1] : "";

	setrlimit(RLIMIT_CORE, &none);
	for (int i = 0; i < 5000; i++) {
		void *volatile p = malloc(45);

		free(p);
	}
	if (!strcmp(how, "_exit"))
		_exit(0);
	if (!strcmp(how, "quick_exit"))
		quick_exit(0);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "SIGKILL"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "SIGSEGV"))
		raise(SIGSEGV);
	if (!strcmp(how, "exec"))
		execl("/bin/true", "true", (char *)NULL);
	return 0;
}

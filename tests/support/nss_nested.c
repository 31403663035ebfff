/*
 * An NSS module that knows outer.example, and looks up inner.example itself before it
 * says so, as modules for LDAP do; and one name whose lookup is left by a signal.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <signal.h>
#include <string.h>

static char *aliases[] = {0};
static struct in_addr address;
static char *addresses[] = {(char *)&address, 0};

static void look_up_inside(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (!getaddrinfo("inner.example", "389", &hints, &found))
		freeaddrinfo(found);
}

enum nss_status _nss_nested_gethostbyname2_r(const char *name, int family,
					     struct hostent *found, char *buffer,
					     size_t size, int *error, int *host_error)
{
	if (!strcmp(name, "left.example"))
		raise(SIGUSR1);
	if (strcmp(name, "outer.example") || family != AF_INET ||
	    size < sizeof("outer.example")) {
		*host_error = HOST_NOT_FOUND;
		*error = ENOENT;
		return NSS_STATUS_NOTFOUND;
	}
	look_up_inside();
	address.s_addr = inet_addr("127.0.9.1");
	*found = (struct hostent){
		.h_name = strcpy(buffer, name),
		.h_aliases = aliases,
		.h_addrtype = AF_INET,
		.h_length = sizeof(address),
		.h_addr_list = addresses,
	};
	return NSS_STATUS_SUCCESS;
}

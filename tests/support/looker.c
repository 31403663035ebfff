/*
 * Looks a name up and connects to its first address, each time that a byte comes:
 * looker NAME PORT [FUNCTION]. Functions with a 2 in their name look for IPv6. SIGUSR1
 * leaves a lookup by longjmp(); then no name is looked up, from the same place.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netdb.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static sigjmp_buf before;

static void leave(int number)
{
	siglongjmp(before, number);
}

static int connect_to(int family, const struct sockaddr *address, socklen_t length)
{
	int client = socket(family, SOCK_STREAM, 0);

	connect(client, address, length);
	return close(client);
}

static int connect_to_host(const struct hostent *host, const char *port)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

	if (!host)
		return -1;
	ipv4.sin_port = ipv6.sin6_port = htons(atoi(port));
	if (host->h_addrtype == AF_INET) {
		memcpy(&ipv4.sin_addr, host->h_addr_list[0], sizeof(ipv4.sin_addr));
		return connect_to(AF_INET, (void *)&ipv4, sizeof(ipv4));
	}
	memcpy(&ipv6.sin6_addr, host->h_addr_list[0], sizeof(ipv6.sin6_addr));
	return connect_to(AF_INET6, (void *)&ipv6, sizeof(ipv6));
}

static int by_getaddrinfo(const char *name, const char *port)
{
	struct addrinfo hints, *found;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	if (sigsetjmp(before, 1))
		name = 0;
	if (getaddrinfo(name, port, &hints, &found))
		return -1;
	connect_to(AF_INET, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

/* Returns 0 when the name was found, whatever became of the connection. */
static int look_up_and_connect(const char *name, const char *port, const char *function)
{
	struct hostent room, *found = 0;
	char buffer[4096];
	int error;

	if (!strcmp(function, "gethostbyname"))
		found = gethostbyname(name);
	else if (!strcmp(function, "gethostbyname2"))
		found = gethostbyname2(name, AF_INET6);
	else if (!strcmp(function, "gethostbyname_r"))
		gethostbyname_r(name, &room, buffer, sizeof(buffer), &found, &error);
	else if (!strcmp(function, "gethostbyname2_r"))
		gethostbyname2_r(name, AF_INET6, &room, buffer, sizeof(buffer), &found,
				 &error);
	else
		return by_getaddrinfo(name, port);
	return connect_to_host(found, port);
}

int main(int count, char **words)
{
	char byte;

	if (count < 3 || write(1, "", 1) != 1)
		return 2;
	signal(SIGUSR1, leave);
	while (read(0, &byte, 1) == 1)
		if (look_up_and_connect(words[1], words[2], count > 3 ? words[3] : "") ||
		    write(1, "", 1) != 1)
			return 1;
	return 0;
}

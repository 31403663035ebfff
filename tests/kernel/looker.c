/* Looks a name up and connects to its first address, each time that a byte comes. */
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Returns 0 when the name was found, whatever became of the connection. */
static int look_up_and_connect(const char *name, const char *port)
{
	struct addrinfo hints, *found;
	int client;

	memset(&hints, 0, sizeof(hints));
	hints.ai_family = AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(name, port, &hints, &found))
		return -1;
	client = socket(AF_INET, SOCK_STREAM, 0);
	connect(client, found->ai_addr, found->ai_addrlen);
	close(client);
	freeaddrinfo(found);
	return 0;
}

int main(int count, char **words)
{
	char byte;

	if (count != 3 || write(1, "", 1) != 1)
		return 2;
	while (read(0, &byte, 1) == 1)
		if (look_up_and_connect(words[1], words[2]) || write(1, "", 1) != 1)
			return 1;
	return 0;
}

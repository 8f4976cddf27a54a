/* SPDX-License-Identifier: Apache-2.0 */
/* SOCK_SEQPACKET keeps messages whole; see channel.h. */
#include "src/agent/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static int send_with(int fd, const struct message *m, int flags)
{
	ssize_t n;

	do {
		n = send(fd, m, sizeof(*m), MSG_NOSIGNAL | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE || errno == ECONNRESET ? -ENOTCONN : -errno;
	return 0;
}

int channel_send(int fd, const struct message *m)
{
	return send_with(fd, m, 0);
}

int channel_try_send(int fd, const struct message *m)
{
	return send_with(fd, m, MSG_DONTWAIT);
}

int channel_receive(int fd, struct message *ret)
{
	struct message m;
	ssize_t n;

	do {
		n = recv(fd, &m, sizeof(m), 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -ENOTCONN : -errno;
	if (n != sizeof(m))
		return n ? -EBADMSG : -ENOTCONN;
	m.text[sizeof(m.text) - 1] = '\0';
	*ret = m;
	return 0;
}

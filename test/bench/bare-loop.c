/*
 * The floor of a relay: reads from one socket and writes what came to N others, without any protocol. Its one byte of
 * greeting tells the servers of the benchmark that it is no RTMP client.
 *
 *   bare-loop SOURCE_PORT SINK_PORT N
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 64
static char buffer[512 * 1024];

static int dial(int port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) != 0) exit(1);
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (write(s, "R", 1) != 1) exit(1);
  return s;
}

int main(int argc, char **argv) {
  int sinks[MOST], n = argc > 3 ? atoi(argv[3]) : 0;
  if (n < 1 || n > MOST) return 2;
  for (int i = 0; i < n; i++) sinks[i] = dial(atoi(argv[2]));
  int source = dial(atoi(argv[1]));
  for (;;) {
    ssize_t got = read(source, buffer, sizeof buffer);
    if (got <= 0) return got < 0;
    for (int i = 0; i < n; i++)
      for (ssize_t sent = 0; sent < got;) {
        ssize_t w = write(sinks[i], buffer + sent, got - sent);
        if (w < 0) return 1;
        sent += w;
      }
  }
}

// A provider that streams: every request gets EVENTS events, one each MS milliseconds, and then a proper end.
// It speaks OpenAI chat, and Anthropic Messages on paths that hold "/messages". Streams are spread over the
// milliseconds of an interval, as those of strangers are.
//
//     mock PORT MS EVENTS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define CONNECTIONS 8192
#define REQUEST (1 << 16)

enum { CHAT, MESSAGES, FORMATS };

struct connection {
  int left;    // events still to send; 0 where no answer runs
  int format;
  int slot;    // the millisecond of the interval that its events are sent in
  int length;
  char request[REQUEST];
};

static struct connection *connections[CONNECTIONS];
static char *first[FORMATS], *event[FORMATS], *last[FORMATS];

static const char HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

#define CHUNK "data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\"," \
  "\"created\":1741570283,\"model\":\"gpt-4.1-2025-04-14\",\"service_tier\":\"default\"," \
  "\"system_fingerprint\":\"fp_fc9f1d7035\",\"choices\":["
#define TAIL "],\"usage\":null,\"obfuscation\":\"a8JkfQ\"}\n\n"

static const char *CHAT_FIRST = CHUNK
    "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}" TAIL;
static const char *CHAT_EVENT = CHUNK
    "{\"index\":0,\"delta\":{\"content\":\" printing\"},\"logprobs\":null,\"finish_reason\":null}" TAIL;
static const char *CHAT_LAST = CHUNK
    "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}" TAIL CHUNK
    "],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":200,\"total_tokens\":219}}\n\ndata: [DONE]\n\n";

static const char *MESSAGES_FIRST =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_013Zva2CMHLNnXjNJJKqJ2EF\","
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-haiku-4-5\",\"content\":[],\"stop_reason\":null,"
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":19,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char *MESSAGES_EVENT =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"text_delta\",\"text\":\" printing\"}}\n\n";
static const char *MESSAGES_LAST =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":200}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

static char *chunked(const char *data, const char *end) {
  char *made;
  if (asprintf(&made, "%zx\r\n%s\r\n%s", strlen(data), data, end) < 0) exit(1);
  return made;
}

static void say(int fd, const char *data) {
  if (write(fd, data, strlen(data)) < 0) connections[fd]->left = 0;
}

static void watch(int poll, int fd) {
  struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(poll, EPOLL_CTL_ADD, fd, &want);
}

static void accept_one(int listener, int poll) {
  int fd = accept4(listener, 0, 0, SOCK_NONBLOCK), on = 1;
  if (fd < 0) return;
  if (fd >= CONNECTIONS) {
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!connections[fd]) connections[fd] = malloc(sizeof **connections);
  connections[fd]->left = connections[fd]->length = 0;
  watch(poll, fd);
}

// Whether a whole request has come.
static int is_whole(struct connection *one) {
  char *end = strstr(one->request, "\r\n\r\n");
  if (!end) return 0;
  char *told = strcasestr(one->request, "content-length:");
  if (told && told < end) return one->length >= (end - one->request) + 4 + atoi(told + 15);
  if (strcasestr(one->request, "transfer-encoding: chunked")) return strstr(end, "\r\n0\r\n\r\n") != 0;
  return 1;
}

static void read_some(int fd, int events, int slot) {
  struct connection *one = connections[fd];
  int got = read(fd, one->request + one->length, REQUEST - 1 - one->length);
  if (got <= 0) {
    one->left = 0;
    close(fd);
    return;
  }
  one->length += got;
  one->request[one->length] = 0;
  if (!is_whole(one)) return;
  char *line = strchr(one->request, '\n');
  char *path = strstr(one->request, "/messages");
  one->format = path && path < line ? MESSAGES : CHAT;
  one->length = 0;
  one->slot = slot;
  one->left = events;
  say(fd, HEAD);
  say(fd, first[one->format]);
}

int main(int count, char **given) {
  if (count != 4) return fprintf(stderr, "mock PORT MS EVENTS\n"), 2;
  int port = atoi(given[1]), interval = atoi(given[2]), events = atoi(given[3]), on = 1;
  const char *firsts[] = {CHAT_FIRST, MESSAGES_FIRST}, *middle[] = {CHAT_EVENT, MESSAGES_EVENT},
             *lasts[] = {CHAT_LAST, MESSAGES_LAST};
  for (int format = 0; format < FORMATS; format++) {
    first[format] = chunked(firsts[format], "");
    event[format] = chunked(middle[format], "");
    last[format] = chunked(lasts[format], "0\r\n\r\n");
  }
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) return perror("mock"), 1;
  int poll = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct itimerspec tick = {{0, 1000000}, {0, 1000000}};
  timerfd_settime(timer, 0, &tick, 0);
  watch(poll, listener);
  watch(poll, timer);
  int most = 0, now = 0, next = 0;
  for (;;) {
    struct epoll_event ready[512];
    int n = epoll_wait(poll, ready, 512, -1);
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        accept_one(listener, poll);
      } else if (fd == timer) {
        unsigned long ticks;
        if (read(timer, &ticks, sizeof ticks) != sizeof ticks) continue;
        while (ticks--) {
          now = (now + 1) % interval;
          for (int one = 0; one <= most; one++) {
            struct connection *it = connections[one];
            if (it && it->left && it->slot == now) say(one, --it->left ? event[it->format] : last[it->format]);
          }
        }
      } else {
        if (fd > most) most = fd;
        read_some(fd, events, next++ % interval);
      }
    }
  }
}

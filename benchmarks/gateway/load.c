// Clients that read streams: STREAMS connections at once, one request each. Prints what came as JSON: events, time to
// the first event, the longest gap of each stream, streams that stalled, and streams that did not come to their end.
//
//     load PORT STREAMS PATH MODEL KEY MS
//
// MS is the upstream's own gap: a stream stalls where it pauses 250 ms longer than that.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
#define KEPT 16         // of the read before, so that a mark that is split over two is found
#define STALL 0.25

struct stream {
  double asked, first, latest, gap;
  int ended, closed;
  char tail[KEPT + 1];
};

static struct stream streams[MOST];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double at(double *sorted, int count, double part) {
  return count ? sorted[(int)(part * (count - 1) + 0.5)] * 1e3 : 0;
}

static int count_of(const char *text, const char *mark) {
  int found = 0;
  for (; (text = strstr(text, mark)); text += strlen(mark)) found++;
  return found;
}

int main(int count, char **given) {
  if (count != 7) return fprintf(stderr, "load PORT STREAMS PATH MODEL KEY MS\n"), 2;
  int port = atoi(given[1]), wanted = atoi(given[2]), on = 1;
  double most_gap = atof(given[6]) / 1e3 + STALL;
  char *body, *request;
  if (asprintf(&body,
               "{\"model\":\"%s\",\"stream\":true,\"max_tokens\":1024,\"messages\":[{\"role\":\"user\","
               "\"content\":\"Hello, tell me about the printing press.\"}]}", given[4]) < 0) return 1;
  if (asprintf(&request,
               "POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
               "authorization: Bearer %s\r\nx-portkey-provider: openai\r\nx-portkey-custom-host: %s\r\n"
               "anthropic-version: 2023-06-01\r\ncontent-length: %zu\r\n\r\n%s",
               given[3], given[5], getenv("PORTKEY_HOST") ? getenv("PORTKEY_HOST") : "", strlen(body), body) < 0)
    return 1;
  int poll = epoll_create1(0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  double began = now();
  for (int i = 0; i < wanted; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&address, sizeof address)) return perror("connect"), 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &want);
    if (write(fd, request, strlen(request)) < 0) return perror("write"), 1;
    streams[fd].asked = now();
  }
  long events = 0;
  int running = wanted;
  static char buffer[MOST + KEPT + 1];
  while (running) {
    struct epoll_event ready[512];
    int n = epoll_wait(poll, ready, 512, 20000);
    if (n <= 0) break;
    for (int i = 0; i < n; i++) {
      int fd = ready[i].data.fd;
      struct stream *one = &streams[fd];
      int kept = strlen(one->tail);
      memcpy(buffer, one->tail, kept);
      int got = read(fd, buffer + kept, MOST);
      if (got <= 0) {
        one->closed = 1;
        running--;
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, 0);
        continue;
      }
      int length = kept + got;
      buffer[length] = 0;
      int had = count_of(one->tail, "data:"), has = count_of(buffer, "data:");
      int ended = strstr(buffer, "[DONE]") || strstr(buffer, "\"message_stop\"");
      if (has > had || ended) {
        double time = now();
        if (!one->first) one->first = time;
        else if (time - one->latest > one->gap) one->gap = time - one->latest;
        one->latest = time;
      }
      events += has - had;
      int keep = length < KEPT ? length : KEPT;
      memcpy(one->tail, buffer + length - keep, keep);
      one->tail[keep] = 0;
      if (ended) {
        one->ended = 1;
        running--;
        epoll_ctl(poll, EPOLL_CTL_DEL, fd, 0);
      }
    }
  }
  double took = now() - began, *waits = calloc(MOST, sizeof *waits), *gaps = calloc(MOST, sizeof *gaps);
  int answered = 0, stalled = 0, whole = 0;
  for (int fd = 0; fd < MOST; fd++) {
    if (streams[fd].ended) whole++;
    if (!streams[fd].first) continue;
    waits[answered] = streams[fd].first - streams[fd].asked;
    gaps[answered++] = streams[fd].gap;
    if (streams[fd].gap > most_gap) stalled++;
  }
  qsort(waits, answered, sizeof *waits, by_size);
  qsort(gaps, answered, sizeof *gaps, by_size);
  printf("{\"streams\": %d, \"whole\": %d, \"stalled\": %d, \"events\": %ld, \"seconds\": %.3f, "
         "\"first_ms\": {\"p50\": %.2f, \"p99\": %.2f}, \"longest_gap_ms\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}}\n",
         wanted, whole, stalled, events, took, at(waits, answered, 0.5), at(waits, answered, 0.99),
         at(gaps, answered, 0.5), at(gaps, answered, 0.99), at(gaps, answered, 1));
  return 0;
}

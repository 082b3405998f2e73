package signaling

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
)

// The old way's announced end: RFC 9745 and RFC 8594 headers, six months after it
// was deprecated (work list 6.4, 8.5).
var (
	deprecated = time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)
	sunset     = time.Date(2027, time.May, 24, 0, 0, 0, 0, time.UTC)
)

// serveDiscover is the old way to find workers, kept for clients without the
// registry (work list 6.4).
func (h *Hub) serveDiscover(w http.ResponseWriter, r *http.Request) {
	h.metrics.discovers.WithLabelValues(agent(r.UserAgent())).Inc()
	header := w.Header()
	header.Set("Deprecation", "@"+strconv.FormatInt(deprecated.Unix(), 10))
	header.Set("Sunset", sunset.Format(http.TimeFormat))
	header.Set("Link", `<https://github.com/moothall/moothall/blob/main/docs/api_reference.md>; rel="deprecation"; type="text/markdown"`)
	list, err := h.discover(r)
	if err != nil {
		h.metrics.rejected.WithLabelValues(string(events.CodeOf(err))).Inc()
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, list)
}

func (h *Hub) discover(r *http.Request) (events.WorkerList, error) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	info, err := h.tokens.Check(token, time.Now())
	if err != nil {
		return events.WorkerList{}, err
	}
	room := r.URL.Query().Get("room")
	if err := admits(info, room); err != nil {
		return events.WorkerList{}, err
	}
	filters, err := readFilters(r.URL.Query())
	if err != nil {
		return events.WorkerList{}, err
	}
	record, _, err := h.store.load(r.Context(), room)
	if err != nil {
		return events.WorkerList{}, err
	}
	now := time.Now()
	return h.registry.Workers(record, filters, h.presence.Facts(room, now), now), nil
}

func readFilters(q url.Values) (events.Filters, error) {
	f := events.Filters{Status: events.Status(q.Get("status")), GPUModel: q.Get("gpu_model"), PeerID: q.Get("peer_id")}
	if text := q.Get("min_gpu_memory_mb"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return f, events.Errorf(events.CodeInvalid, "min_gpu_memory_mb=%q is not a whole number of MB", text)
		}
		f.MinGPUMemoryMB = n
	}
	for _, tag := range q["tag"] {
		k, v, ok := strings.Cut(tag, "=")
		if !ok {
			return f, events.Errorf(events.CodeInvalid, "tag=%q is not KEY=VALUE", tag)
		}
		if f.Tags == nil {
			f.Tags = map[string]string{}
		}
		f.Tags[k] = v
	}
	return f, nil
}

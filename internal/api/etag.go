package api

import (
	"slices"
	"strconv"
	"strings"
)

// revisions are the entity tags of a condition, as far as they can be ours.
type revisions struct {
	any  bool // "*"
	list []int64
}

func (r revisions) has(rev int64) bool { return r.any || slices.Contains(r.list, rev) }

// ifMatch reads If-Match: nil when there is none or "*", else the revisions
// that are fine, which may be none. A weak tag never matches (RFC 9110, 13.1.1).
func (r *request) ifMatch() []int64 {
	given, ok := r.tags("If-Match", false)
	if !ok || given.any {
		return nil
	}
	return given.list
}

// ifNoneMatch reads If-None-Match, for which weak tags match too (13.1.2).
func (r *request) ifNoneMatch() revisions {
	given, _ := r.tags("If-None-Match", true)
	return given
}

// tags reads a header of entity tags; false when it is absent or wrong.
func (r *request) tags(header string, weakToo bool) (revisions, bool) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return revisions{}, false
	}
	given, ok := readTags(strings.Join(values, ","), weakToo)
	if !ok {
		r.faults.Add(headPlace+header, `must be * or entity tags like "3", separated by commas`)
	}
	return given, ok
}

// readTags reads "*" or a list of at least one entity tag; false when text is
// neither.
func readTags(text string, weakToo bool) (revisions, bool) {
	found := revisions{list: []int64{}}
	if strings.Trim(text, " \t") == "*" {
		found.any = true
		return found, true
	}
	tags := 0
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return found, tags > 0
		}
		tag, weak := strings.CutPrefix(text, "W/")
		value, rest, ok := cutTag(tag)
		if !ok {
			return found, false
		}
		tags++
		rev, err := strconv.ParseInt(value, 10, 64)
		if err == nil && (!weak || weakToo) && etag(rev) == `"`+value+`"` {
			found.list = append(found.list, rev)
		}
		text = rest
	}
}

// cutTag cuts one quoted tag off text. Behind it stands the end or a comma.
func cutTag(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	value, rest, ok = strings.Cut(text, `"`)
	bad := func(c rune) bool { return c <= ' ' || c == 0x7f }
	if !ok || strings.ContainsFunc(value, bad) {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	return value, rest, rest == "" || rest[0] == ','
}

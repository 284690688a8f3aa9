package api

import (
	"slices"
	"strconv"
	"strings"
)

// revisions are the revisions that an If-Match or If-None-Match header lists.
// Entity tags that are not revisions match nothing and are left out.
type revisions struct {
	any  bool // "*"
	weak bool // all tags are weak
	list []int64
}

func (r revisions) match(rev int64) bool { return r.any || slices.Contains(r.list, rev) }

// ifMatch returns the revisions of If-Match, nil for any revision: the header is
// absent or "*". Weak tags never match (RFC 9110, 13.1.1): a header of nothing else is a
// fault, since a client that reads again, as after 412, would get another weak tag from
// the proxy that weakens them.
func (r *request) ifMatch() []int64 {
	given, ok := r.readTags("If-Match", false)
	if !ok || given.any {
		return nil
	}
	return given.list
}

// ifNoneMatch returns the revisions of If-None-Match, in which weak tags match
// (RFC 9110, 13.1.2).
func (r *request) ifNoneMatch() revisions {
	given, _ := r.readTags("If-None-Match", true)
	return given
}

// readTags reads a header of entity tags. It returns false if the header is
// absent or malformed.
func (r *request) readTags(header string, allowWeak bool) (revisions, bool) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return revisions{}, false
	}
	given, ok := parseTags(strings.Join(values, ","), allowWeak)
	if !ok {
		r.faults.Add(headPlace+header, `must be * or entity tags like "3", separated by commas`)
	} else if given.weak && !allowWeak {
		r.faults.Add(headPlace+header, `has only weak entity tags like W/"3", which never match; send the tag without W/`)
		ok = false
	}
	return given, ok
}

// parseTags parses "*" or a list of at least one entity tag. It returns false
// for any other text.
func parseTags(text string, allowWeak bool) (revisions, bool) {
	found := revisions{weak: true, list: []int64{}}
	if strings.Trim(text, " \t") == "*" {
		return revisions{any: true}, true
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
		found.weak = found.weak && weak
		rev, err := strconv.ParseInt(value, 10, 64)
		if err == nil && (!weak || allowWeak) && etag(rev) == `"`+value+`"` {
			found.list = append(found.list, rev)
		}
		text = rest
	}
}

// cutTag splits text after its first quoted tag, which the end or a comma must
// follow.
func cutTag(text string) (value, rest string, ok bool) {
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", false
	}
	value, rest, ok = strings.Cut(text, `"`)
	invalid := func(c rune) bool { return c <= ' ' || c == 0x7f }
	if !ok || strings.ContainsFunc(value, invalid) {
		return "", "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	return value, rest, rest == "" || rest[0] == ','
}

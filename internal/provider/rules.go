package provider

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"journeys/internal/condition"
	"journeys/internal/strict"
)

// maxPriority bounds the absolute value of an offer's priority.
const maxPriority = 1_000_000

// offer is one rule of a flow. It applies to the customers that meet its condition.
type offer struct {
	id       string
	priority int
	when     *condition.Program // nil for all customers
	json     string             // object of the id and the payload's members
}

// choose returns the first n offers whose condition holds:
// {"offers":[{"id",...}],"offer":{...},"score":1}. "offer" is the first of them and
// "score" its priority, for conditions, which cannot read arrays. The value is
// missing if there is no such offer.
func choose(offers []offer, facts condition.Facts, n int) condition.Value {
	var chosen []offer
	for _, o := range offers {
		if len(chosen) < n && (o.when == nil || o.when.Eval(&facts)) {
			chosen = append(chosen, o)
		}
	}
	if len(chosen) == 0 {
		return condition.Value{}
	}
	list := make([]string, len(chosen))
	for i, o := range chosen {
		list[i] = o.json
	}
	text := fmt.Sprintf(`{"offers":[%s],"offer":%s,"score":%d}`, strings.Join(list, ","), list[0], chosen[0].priority)
	// It cannot fail: each part was valid JSON in the settings.
	answer, _ := condition.ParseValue([]byte(text))
	return answer
}

// readOffers reads a flow's offers and sorts them by descending priority, then by
// id.
func readOffers(v strict.Value) []offer {
	list, _ := v.List()
	seen := map[string]bool{}
	var offers []offer
	for _, member := range list {
		object, ok := member.Object()
		if !ok {
			continue
		}
		o := readOffer(object)
		if seen[o.id] && o.id != "" {
			member.Fault("must not have the id of an earlier offer")
		}
		seen[o.id] = true
		offers = append(offers, o)
	}
	slices.SortFunc(offers, func(a, b offer) int {
		return cmp.Or(cmp.Compare(b.priority, a.priority), cmp.Compare(a.id, b.id))
	})
	return offers
}

func readOffer(object *strict.Object) offer {
	defer object.Done("id", "priority", "condition", "payload")
	var o offer
	if v, ok := object.Need("id"); ok {
		o.id, _ = v.Text(1, maxName)
	}
	if v, ok := object.Need("priority"); ok {
		o.priority, _ = v.Int(-maxPriority, maxPriority)
	}
	if v, ok := object.Take("condition"); ok {
		o.when = readCondition(v)
	}
	text, _ := jsontext.AppendQuote([]byte(`{"id":`), o.id)
	if v, ok := object.Take("payload"); ok {
		text = appendPayload(text, v)
	}
	o.json = string(append(text, '}'))
	return o
}

func readCondition(v strict.Value) *condition.Program {
	program, ok := condition.Compile(v)
	if !ok {
		return nil
	}
	for _, field := range program.Reads() {
		if field.Source != condition.Attributes {
			v.Fault("must read only attributes; an offer has no event and no decision")
			break
		}
	}
	return program
}

// appendPayload appends a payload's members, each after a comma.
func appendPayload(dst []byte, v strict.Value) []byte {
	payload, ok := v.Object()
	if !ok {
		return dst
	}
	for _, name := range payload.Names() {
		member, _ := payload.Take(name)
		if name == "id" {
			member.Fault("must not be in a payload; it is the offer's id")
		}
		dst, _ = jsontext.AppendQuote(append(dst, ','), name)
		dst = append(append(dst, ':'), member.Raw()...)
	}
	return dst
}

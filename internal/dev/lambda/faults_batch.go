package lambda

import (
	"encoding/json"
	"net/http"
	"slices"
)

// throttledStatement is the table's answer to a throttled statement of a batch.
const throttledStatement = `{"Error":{"Code":"ThrottlingError","Message":"throttled by fault injection"}}`

// throttlePart refuses about half of a batch's statements, at least one, and
// forwards the others. The batch as a whole succeeds.
func (f *Faults) throttlePart(q *request) bool {
	var batch map[string]json.RawMessage
	var statements []json.RawMessage
	if json.Unmarshal(q.body, &batch) != nil || json.Unmarshal(batch["Statements"], &statements) != nil || len(statements) == 0 {
		return false
	}
	refused := make([]bool, len(statements))
	for i := range refused {
		refused[i] = upTo(f, PartThrottled, 2) == 0
	}
	refused[upTo(f, PartThrottled, len(refused))] = true
	var kept, answers []json.RawMessage
	for i, statement := range statements {
		if !refused[i] {
			kept = append(kept, statement)
		}
	}
	q.answer = &response{status: http.StatusOK, header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}}
	if len(kept) > 0 { // the table refuses an empty batch
		batch["Statements"] = encode(kept)
		q.answer = q.forward(encode(batch))
		var answer struct{ Responses []json.RawMessage }
		if json.Unmarshal(q.answer.body, &answer) != nil || len(answer.Responses) != len(kept) {
			return true // the table refused the batch
		}
		answers = answer.Responses
	}
	for i := range refused {
		if refused[i] {
			answers = slices.Insert(answers, i, json.RawMessage(throttledStatement))
		}
	}
	q.answer.body = encode(map[string]any{"Responses": answers})
	return true
}

// encode encodes a value that was decoded from JSON.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

package api

import (
	"errors"
	"net/http"

	"journeys/internal/api/web"
	"journeys/internal/consent"
	"journeys/internal/suppression"
)

// maxAddress bounds the characters of an address in a path.
const maxAddress = 320

type suppressionBody struct {
	Channel    string        `json:"channel"`
	Suppressed bool          `json:"suppressed"`
	Reason     string        `json:"reason"`
	At         web.Timestamp `json:"at"`
}

// place reads the channel and the address of the path. Neither is ever logged.
func (r *request) place() suppression.Place {
	return suppression.Place{Channel: r.ReadPathID("channel"), Address: r.ReadPathText("address", maxAddress)}
}

// answerSuppression writes what an operation on the address of the path returned.
func (r *request) answerSuppression(w http.ResponseWriter, s suppression.State, err error) error {
	if errors.Is(err, suppression.ErrNoAddress) {
		r.Faults.Add(web.PathPlace+"address", "is no address of the channel")
		return r.CheckFaults()
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, suppressionBody{s.Channel, true, s.Reason, web.Timestamp(s.At)})
}

func getSuppression(a *API, w http.ResponseWriter, r *request) error {
	place := r.place()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	state, err := a.Suppressions.Get(r.Context(), r.tenant, place)
	return r.answerSuppression(w, state, err)
}

func putSuppression(a *API, w http.ResponseWriter, r *request) error {
	place := r.place()
	body, err := r.ReadBody(w, "{}")
	if err != nil {
		return err
	}
	reason := consent.ReasonManual
	if o, ok := body.Object(); ok {
		if v, ok := o.Take("reason"); ok {
			reason, _ = v.OneOf(consent.Reasons()...)
		}
		if v, ok := o.Take("suppressed"); ok {
			if suppressed, ok := v.Bool(); ok && !suppressed {
				v.Fault("must not be false; DELETE ends a suppression")
			}
		}
		o.Ignore("channel", "at") // so that an answer can be sent back
		o.Done("reason", "suppressed")
	}
	if err := r.CheckFaults(); err != nil {
		return err
	}
	state, err := a.Suppressions.Put(r.Context(), r.tenant, place, reason)
	return r.answerSuppression(w, state, err)
}

func deleteSuppression(a *API, w http.ResponseWriter, r *request) error {
	place := r.place()
	if err := r.CheckFaults(); err != nil {
		return err
	}
	if err := a.Suppressions.Delete(r.Context(), r.tenant, place); err != nil {
		return r.answerSuppression(w, suppression.State{}, err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

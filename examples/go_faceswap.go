// Put a face into a photo with Go: `go run go_faceswap.go FACE_URL PHOTO_URL`. See README.md.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

const (
	good     = 1000
	noAnswer = 0 // nothing came, or nothing of Akool's: nobody knows whether the request did its work
)

var (
	base     = strings.TrimRight(setting("AKOOL_BASE_URL", "http://127.0.0.1:25665"), "/")
	api      = base + "/api/open/v3/faceswap"
	deadline = time.Now().Add(seconds("AKOOL_PATIENCE_S", "300"))
	client   = &http.Client{Timeout: 30 * time.Second}
	later    = map[int]bool{1005: true, 1108: true, 2001: true} // nothing was done and nothing was paid
)

type face struct {
	Path string `json:"path"`
	Opts string `json:"opts"`
}

// What the answers have in common; face detection has error_code instead of code.
type answer struct {
	Code  *int   `json:"code"`
	Msg   string `json:"msg"`
	Error int    `json:"error_code"`
	Why   string `json:"error_msg"`
	Faces map[string]struct {
		Places []string `json:"landmarks_str"`
	} `json:"faces_obj"`
	Data struct {
		ID   string `json:"_id"`
		Rows []struct {
			Status int    `json:"faceswap_status"`
			URL    string `json:"url"`
		} `json:"result"`
	} `json:"data"`
}

func setting(name, usual string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return usual
}

func seconds(name, usual string) time.Duration {
	value, err := strconv.ParseFloat(setting(name, usual), 64)
	if err != nil {
		end(2, name+" is no number")
	}
	return time.Duration(value * float64(time.Second))
}

func end(status int, why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(status)
}

func pause() {
	if time.Now().After(deadline) {
		end(1, "it took too long")
	}
	time.Sleep(seconds("AKOOL_PAUSE_S", "3"))
}

// Sends a request, with a body by POST, and returns the status and the whole body.
func send(url string, body []byte) (int, []byte, error) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("x-api-key", setting("AKOOL_API_KEY", "my-key"))
	request.Header.Set("content-type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, content, err
}

// Returns a good answer; a request that may be paid is not sent again when its answer was lost.
func ask(url string, body any, again bool) answer {
	var sent []byte
	if body != nil {
		sent, _ = json.Marshal(body)
	}
	for {
		var found answer
		code := good
		status, content, err := send(url, sent)
		if err == nil && status != 429 && status != 503 {
			err = json.Unmarshal(content, &found)
		}
		switch {
		case err != nil:
			code, found.Msg = noAnswer, "no answer, "+err.Error()
		case status == 429 || status == 503: // nothing was done either
			code = 1005
		case found.Code != nil:
			code = *found.Code
		}
		if code == good {
			return found
		}
		mayAsk := later[code] || again && (code == noAnswer || code == 1008) // a job of ours may be unknown for a moment
		if !mayAsk {
			end(1, fmt.Sprintf("Akool says %d: %s", code, found.Msg))
		}
		pause()
	}
}

// Returns the largest face of an image, as a swap takes it: the image, and where the face is in it.
func faceOf(url string) []face {
	found := ask(base+"/interface/detect-api/detect_faces", map[string]any{"url": url, "single_face": true}, true)
	if places := found.Faces["0"].Places; found.Error == 0 && len(places) > 0 {
		return []face{{url, places[0]}}
	}
	end(1, "no face in "+url+": "+found.Why)
	return nil
}

// Returns a whole image, and asks again for one that is broken.
func fetch(url string) []byte {
	for {
		status, content, err := send(url, nil)
		if status == 403 || status == 404 {
			end(1, fmt.Sprintf("the image is gone: HTTP %d", status))
		}
		isWhole := bytes.HasSuffix(content, []byte("\xff\xd9")) || bytes.HasSuffix(content, []byte("IEND\xaeB`\x82"))
		if err == nil && isWhole {
			return content
		}
		pause()
	}
}

func main() {
	if len(os.Args) != 3 {
		end(2, "usage: go run go_faceswap.go FACE_URL PHOTO_URL")
	}
	photo := os.Args[2]
	swap := map[string]any{"sourceImage": faceOf(os.Args[1]), "targetImage": faceOf(photo), "modifyImage": photo}
	job := ask(api+"/highquality/specifyimage", swap, false).Data.ID
	for { // the answer has the URL already, but there is no file before the status is 3
		pause()
		// A row may be missing for a moment: no row is neither an end nor a mistake.
		for _, row := range ask(api+"/result/listbyids?_ids="+job, nil, true).Data.Rows {
			if row.Status == 4 {
				end(1, "job "+job+" failed") // nobody says why
			}
			if row.Status == 3 && row.URL != "" {
				name := "swapped" + path.Ext(row.URL)
				if err := os.WriteFile(name, fetch(row.URL), 0o644); err != nil {
					end(1, err.Error())
				}
				fmt.Println(name)
				return
			}
		}
	}
}

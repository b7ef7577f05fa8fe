Grailbird.data.tweets_2014_12 = 
[
 {
  "source": "web",
  "entities": {
   "user_mentions": [],
   "media": [],
   "hashtags": [],
   "urls": []
  },
  "geo": {},
  "id_str": "550426169963446349",
  "text": "@imaginary_neighbour happy new year",
  "id": 550426169963446349,
  "created_at": "2014-12-31 23:00:00 +0000",
  "user": {
   "name": "A Gardener",
   "screen_name": "fictional_gardener",
   "protected": false,
   "id_str": "4242",
   "id": 4242
  },
  "in_reply_to_status_id_str": "1",
  "in_reply_to_screen_name": "imaginary_neighbour"
 }
]
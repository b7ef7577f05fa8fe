Grailbird.data.tweets_2015_01 = 
[
  {
    "source": "web",
    "entities": {
      "urls": [
        {
          "url": "http://t.co/oldlink1",
          "expanded_url": "http://birds.example/robin",
          "display_url": "birds.example/robin",
          "indices": [
            0,
            5
          ]
        }
      ]
    },
    "geo": {},
    "id_str": "558807047861174349",
    "text": "frost &amp; robins http://t.co/oldlink1",
    "id": 558807047861174349,
    "created_at": "2015-01-24 02:02:37 +0000",
    "user": {
      "name": "A Gardener",
      "screen_name": "fictional_gardener",
      "protected": false,
      "id_str": "4242",
      "id": 4242
    }
  },
  {
    "source": "web",
    "entities": {
      "user_mentions": [],
      "media": [],
      "hashtags": [],
      "urls": []
    },
    "geo": {},
    "id_str": "559169435726774349",
    "text": "RT @imaginary_neighbour: snow is only water that has not made up its mind and so on and so fo\u2026",
    "id": 559169435726774349,
    "created_at": "2015-01-25 02:02:37 +0000",
    "user": {
      "name": "A Gardener",
      "screen_name": "fictional_gardener",
      "protected": false,
      "id_str": "4242",
      "id": 4242
    },
    "retweeted_status": {
      "source": "web",
      "entities": {
        "user_mentions": [],
        "media": [],
        "hashtags": [],
        "urls": []
      },
      "geo": {},
      "id_str": "559153677726646349",
      "text": "snow is only water that has not made up its mind and so on and so forth",
      "id": 559153677726646349,
      "created_at": "2015-01-25 01:00:00 +0000",
      "user": {
        "screen_name": "imaginary_neighbour"
      }
    }
  }
]
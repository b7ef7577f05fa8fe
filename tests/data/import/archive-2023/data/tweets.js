window.YTD.tweets.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1626922775081910349"
          ],
          "editableUntil": "2023-02-18T13:33:11.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://app.example/\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": [
          {
            "url": "https://t.co/Garden0001",
            "expanded_url": "https://garden.example/spring?a=1&copy=2",
            "display_url": "garden.example/spring?",
            "indices": [
              "0",
              "23"
            ]
          }
        ],
        "media": [
          {
            "url": "https://t.co/Photo00001",
            "expanded_url": "https://twitter.com/fictional_gardener/status/1/photo/1",
            "type": "photo",
            "indices": [
              "60",
              "83"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "86"
      ],
      "favorite_count": "0",
      "id_str": "1626922775081910349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1626922775081910349",
      "created_at": "Sat Feb 18 12:33:11 +0000 2023",
      "favorited": false,
      "full_text": "Tea &amp; toast &lt;3 then the garden: https://t.co/Garden0001 https://t.co/Photo00001",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1626924490552246349"
          ],
          "editableUntil": "2023-02-18T13:33:11.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://app.example/\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "40"
      ],
      "favorite_count": "0",
      "id_str": "1626924490552246349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1626924490552246349",
      "created_at": "Sat Feb 18 12:40:00 +0000 2023",
      "favorited": false,
      "full_text": "@imaginary_neighbour no, the slugs won 🐌",
      "lang": "en",
      "in_reply_to_status_id_str": "1626924238894006349",
      "in_reply_to_user_id_str": "-1"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1627216414110646349"
          ],
          "editableUntil": "2023-02-18T13:33:11.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://app.example/\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "77"
      ],
      "favorite_count": "0",
      "id_str": "1627216414110646349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1627216414110646349",
      "created_at": "Sun Feb 19 08:00:00 +0000 2023",
      "favorited": false,
      "full_text": "RT @imaginary_neighbour: a very long thought that was cut somewhere near its…",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1627597802173366349"
          ],
          "editableUntil": "2023-02-18T13:33:11.000Z",
          "editsRemaining": "5",
          "isEditEligible": true
        }
      },
      "retweeted": false,
      "source": "<a href=\"https://app.example/\" rel=\"nofollow\">Example App</a>",
      "entities": {
        "hashtags": [],
        "symbols": [],
        "user_mentions": [],
        "urls": []
      },
      "display_text_range": [
        "0",
        "281"
      ],
      "favorite_count": "0",
      "id_str": "1627597802173366349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1627597802173366349",
      "created_at": "Mon Feb 20 09:15:30 +0000 2023",
      "favorited": false,
      "full_text": "The first thing to know about growing beans on a balcony is that the wind has opinions. It will take the canes, the net and once, memorably, the whole pot. So tie everything twice, then ask a friend to pull at it &amp; laugh at you. The second thing is water: more than you think,…",
      "lang": "en"
    }
  }
]
window.YTD.tweets.part1 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1627971388830646349"
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
            "url": "https://t.co/Quote00001",
            "expanded_url": "https://x.com/imaginary_neighbour/status/1626912345678901234",
            "display_url": "x.com/imaginary_neighb",
            "indices": [
              "0",
              "23"
            ]
          }
        ]
      },
      "display_text_range": [
        "0",
        "37"
      ],
      "favorite_count": "0",
      "id_str": "1627971388830646349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1627971388830646349",
      "created_at": "Tue Feb 21 10:00:00 +0000 2023",
      "favorited": false,
      "full_text": "this, exactly https://t.co/Quote00001",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1628351690568630349"
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
        "urls": [],
        "media": [
          {
            "url": "https://t.co/Photo00002",
            "expanded_url": "",
            "type": "photo"
          }
        ]
      },
      "display_text_range": [
        "0",
        "23"
      ],
      "favorite_count": "0",
      "id_str": "1628351690568630349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1628351690568630349",
      "created_at": "Wed Feb 22 11:11:11 +0000 2023",
      "favorited": false,
      "full_text": "https://t.co/Photo00002",
      "lang": "en"
    }
  }
]
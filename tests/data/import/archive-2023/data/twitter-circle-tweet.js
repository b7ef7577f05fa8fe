window.YTD.twitter_circle_tweet.part0 = [
  {
    "tweet": {
      "edit_info": {
        "initial": {
          "editTweetIds": [
            "1609701000606646349"
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
        "14"
      ],
      "favorite_count": "0",
      "id_str": "1609701000606646349",
      "truncated": false,
      "retweet_count": "0",
      "id": "1609701000606646349",
      "created_at": "Mon Jan 02 00:00:00 +0000 2023",
      "favorited": false,
      "full_text": "PRIVATE circle",
      "lang": "en"
    }
  }
]
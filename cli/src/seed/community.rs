//! The data of the demo community, compiled in.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result};
use contracts::Word;
use contracts::feed::v1::PostType;
use contracts::profile::v1::ProfileType;
use serde::Deserialize;

use super::kind_of;

const DATA: &str = include_str!("community.toml");

/// People, and what they write.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Community {
    comments: Vec<String>,
    replies: Vec<String>,
    posts: HashMap<String, Vec<String>>,
    pub(super) people: Vec<Person>,
}

/// One member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: String,
    pub(super) headline: String,
    pub(super) location: String,
    pub(super) topics: Vec<String>,
}

/// What larger communities are made of: the same words, in other combinations.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) first_names: Vec<String>,
    pub(super) last_names: Vec<String>,
    pub(super) headlines: Vec<String>,
    pub(super) locations: Vec<String>,
    pub(super) topics: Vec<String>,
    /// Texts of posts, with `{topic}` in them.
    pub(super) posts: Vec<String>,
    /// Texts of comments, with `{topic}` in some of them.
    pub(super) comments: Vec<String>,
}

/// A post that is to be written.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) kind: PostType,
    pub(super) topic: String,
    pub(super) content: String,
}

impl Community {
    pub(super) fn read() -> Result<Self> {
        toml::from_str(DATA).context("reading the demo community")
    }

    /// All words, each once and in an order that stays.
    pub(super) fn words(&self) -> Words {
        let of = |part: &dyn Fn(&Person) -> Vec<String>| sorted(self.people.iter().flat_map(part));
        let name = |person: &Person, last: bool| {
            let (first, rest) = person
                .name
                .split_once(' ')
                .unwrap_or((&person.name, &person.name));
            vec![if last { rest } else { first }.to_owned()]
        };
        Words {
            first_names: of(&|person| name(person, false)),
            last_names: of(&|person| name(person, true)),
            headlines: of(&|person| vec![person.headline.clone()]),
            locations: of(&|person| vec![person.location.clone()]),
            topics: of(&|person| person.topics.clone()),
            posts: sorted(self.posts.values().flatten().cloned()),
            comments: self.comments.clone(),
        }
    }

    /// What the person writes, in order.
    pub(super) fn posts_of(&self, person: &Person) -> Vec<Text> {
        let texts = self
            .posts
            .get(&person.kind)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let posts = texts.iter().zip(person.topics.iter().cycle()).enumerate();
        posts
            .map(|(place, (text, topic))| Text {
                kind: kind_of(&person.kind, place),
                topic: topic.clone(),
                content: text.replace("{topic}", &words(topic)),
            })
            .collect()
    }

    pub(super) fn comment(&self, nth: usize, by: &Person) -> String {
        let topic = by
            .topics
            .first()
            .map(|topic| words(topic))
            .unwrap_or_default();
        self.comments[nth % self.comments.len()].replace("{topic}", &topic)
    }

    pub(super) fn reply(&self, nth: usize) -> String {
        self.replies[nth % self.replies.len()].clone()
    }
}

impl Person {
    pub(super) fn profile_type(&self) -> Result<ProfileType> {
        ProfileType::from_word(&self.kind)
            .with_context(|| format!("{} is no profile type", self.kind))
    }

    /// ASCII letters of the name, joined by dots.
    pub(super) fn username(&self) -> String {
        let ascii = self
            .name
            .to_lowercase()
            .chars()
            .map(plain)
            .collect::<String>();
        let parts: Vec<&str> = ascii
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|p| !p.is_empty())
            .collect();
        parts.join(".")
    }

    pub(super) fn email(&self) -> String {
        format!("{}@demo.smilefactory.example", self.username())
    }

    /// Answers every questionnaire has.
    pub(super) fn answers(&self) -> String {
        let (city, country) = self
            .location
            .split_once(", ")
            .unwrap_or((&self.location, ""));
        serde_json::json!({
            "city": city,
            "country": country,
            "contact_email": self.email(),
            "looking_for": ["Partners", "Advice"],
        })
        .to_string()
    }
}

fn sorted(words: impl Iterator<Item = String>) -> Vec<String> {
    words.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A tag as it is written in a sentence.
fn words(topic: &str) -> String {
    topic.replace('-', " ")
}

/// The ASCII letter for the accented letters that occur in the community's names.
fn plain(letter: char) -> char {
    match letter {
        'á' | 'ã' => 'a',
        'é' => 'e',
        'í' => 'i',
        'ó' => 'o',
        'ú' => 'u',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn db_9_the_community_has_people_of_every_type_and_some_hundred_posts() {
        let community = Community::read().unwrap();
        let kinds: HashSet<i32> = community
            .people
            .iter()
            .map(|p| p.profile_type().unwrap().into())
            .collect();
        assert_eq!(kinds.len(), 8);
        let posts: usize = community
            .people
            .iter()
            .map(|p| community.posts_of(p).len())
            .sum();
        assert!(posts >= 150, "{posts}");
        let names: HashSet<String> = community.people.iter().map(Person::username).collect();
        assert_eq!(names.len(), community.people.len());
        assert!(names.iter().all(|name| (3..=64).contains(&name.len())));
    }
}
